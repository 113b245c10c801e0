// Scroll to the section that a link names, and follow it while the page above it still grows, until the person acts.

const PATIENCE = 60_000; // ms in which a section may appear
const STILL = 2_000; // ms without a move, once no script runs, after which the section is in its place
const ACTS = ["wheel", "touchmove", "keydown", "pointerdown"];
let followed = "";

function follow(id) {
    const began = Date.now();
    let stopped = false, moved = began, last = null;
    const stop = () => { stopped = true; };
    ACTS.forEach((act) => addEventListener(act, stop, { once: true, passive: true }));
    const step = () => {
        const section = document.getElementById(id);
        const isRunning = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState !== "notRunning";
        if (section) {
            section.scrollIntoView();
            const top = section.getBoundingClientRect().top;
            if (top !== last || isRunning) moved = Date.now();
            last = top;
        }
        if (stopped || Date.now() - began > PATIENCE || (section && Date.now() - moved > STILL)) {
            ACTS.forEach((act) => removeEventListener(act, stop));
            return;
        }
        setTimeout(step, 100);
    };
    step();
}

addEventListener("hashchange", () => location.hash && follow(decodeURIComponent(location.hash.slice(1))));

export default function ({ data }) {
    const id = data.section || decodeURIComponent(location.hash.slice(1));
    const visit = `${location.pathname} ${data.visit} ${id}`;
    if (!id || visit === followed) return;
    followed = visit;
    if (data.section) history.replaceState(history.state, "", `#${id}`);
    follow(id);
}
