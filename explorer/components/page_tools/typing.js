// A text area that holds a choice applies itself: on Enter, and soon after the last key while the page is quick enough.
// Streamlit applies a text area on Ctrl+Enter, so that is what these keys become.

const PAUSE = 120; // ms after the last key
const QUICK = 1000; // ms of a run; a page whose last runs all took longer waits for Enter
const RUNS = 3; // that are remembered
const LOST = 1000; // ms after which a text that started no run is applied again
const HOLDS_CHOICE = "[class*='st-key-widget-'] textarea";

const tookOn = new Map(); // page → ms that its last runs on a new text took
const applied = new WeakMap(); // text area → the text that was there before, or that the page has got
let waiting = null; // the timer of a text that is not applied yet
let began = null; // when the text was applied whose run is not over
let hasEntry = false; // whether the text that a person is typing has an entry in the browser's history

const app = () => document.querySelector("[data-testid='stApp']");
const isRunning = () => app().dataset.testScriptState !== "notRunning";
const lastRuns = () => tookOn.get(location.pathname) ?? [];
const isQuick = () => lastRuns().length < RUNS || Math.min(...lastRuns()) < QUICK;

// Apply the text areas by themselves from now on. Returns a function that ends this.
function followTyping() {
  const ofChoice = (act) => (event) => { if (event.target.matches?.(HOLDS_CHOICE)) act(event); };
  const listeners = {
    keydown: ofChoice(applyOnEnter),
    focusin: ofChoice(startTyping),
    focusout: ofChoice(endTyping),
    compositionstart: ofChoice(() => clearTimeout(waiting)), // a half-written character applies nothing
    compositionend: ofChoice(({ target }) => applySoon(target)),
    input: ofChoice(({ target, isComposing }) => isComposing || applySoon(target)),
  };
  const runs = new MutationObserver(() => {
    if (isRunning()) return;
    keepHistory();
    if (began === null) return;
    tookOn.set(location.pathname, [performance.now() - began, ...lastRuns()].slice(0, RUNS));
    began = null;
  });
  runs.observe(app(), { attributeFilter: ["data-test-script-state"] });
  for (const [name, act] of Object.entries(listeners)) document.addEventListener(name, act, true);
  return () => {
    runs.disconnect();
    for (const [name, act] of Object.entries(listeners)) document.removeEventListener(name, act, true);
  };
}

function startTyping({ target }) {
  applied.set(target, target.value);
  hasEntry = false;
}

// Streamlit applies a text that loses the focus.
function endTyping() {
  clearTimeout(waiting);
  keepHistory();
}

function applyOnEnter(event) {
  const { target, key, shiftKey, altKey, isComposing, isTrusted } = event;
  if (!isTrusted || key !== "Enter" || shiftKey || altKey || isComposing) return;
  event.preventDefault();
  event.stopPropagation();
  apply(target);
}

// No text interrupts the run of another one: of what is typed meanwhile, only the last is applied. The loop ends when
// the page has run on the text.
function applySoon(area) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (!area.isConnected || !isQuick()) return;
    const isLost = began !== null && performance.now() - began > LOST;
    if (isRunning() || (began !== null && !isLost)) return applySoon(area);
    if (isLost) applied.delete(area);
    else if (area.value === applied.get(area)) return;
    keepHistoryShort();
    apply(area);
    applySoon(area);
  }, PAUSE);
}

function apply(area) {
  clearTimeout(waiting);
  if (area.value !== applied.get(area)) began = performance.now();
  applied.set(area, area.value);
  area.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ctrlKey: true, bubbles: true }));
}

// Back leads to the text before the typing, not from key to key: the first text gets an entry of its own, and those
// after it replace it.
function keepHistoryShort() {
  if (hasEntry) history.pushState = (...entry) => history.replaceState(...entry);
  hasEntry = true;
}

const keepHistory = () => delete history.pushState;
