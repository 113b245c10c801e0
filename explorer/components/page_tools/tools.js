// The button copies the page's address. Where the browser has no clipboard (a page without https), it shows the address.

const CONFIRMED = 2000; // ms

export default function ({ parentElement }) {
  const [button, box] = ["button", "input"].map((name) => parentElement.querySelector(name));
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy link"; }, CONFIRMED);
    } catch {
      box.hidden = false;
      box.value = location.href;
      box.select();
    }
  };
  box.onblur = () => { box.hidden = true; }; // the address may change
  return followTyping();
}
