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
  document.addEventListener("keydown", applyOnEnter, true);
  return () => document.removeEventListener("keydown", applyOnEnter, true);
}

// Streamlit applies a text area on Ctrl+Enter. An Enter without Shift is sent on to it as that.
function applyOnEnter(event) {
  const { target, key, shiftKey, ctrlKey, metaKey, altKey, isComposing } = event;
  if (key !== "Enter" || shiftKey || ctrlKey || metaKey || altKey || isComposing) return;
  if (!target.matches?.("[class*='st-key-widget-'] textarea")) return;
  event.preventDefault();
  event.stopPropagation();
  target.dispatchEvent(new KeyboardEvent("keydown", { key, ctrlKey: true, bubbles: true }));
}
