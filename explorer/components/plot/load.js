// Plotly is a large script. It is loaded once, from this app's server.

const loadPlotly = () => (globalThis.plotlyLoaded ??= new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = new URL("plotly.min.js", location.href);
  script.onload = () => resolve(globalThis.Plotly);
  script.onerror = () => {
    globalThis.plotlyLoaded = null; // the next figure tries again
    reject(new Error("Plotly could not be loaded"));
  };
  document.head.append(script);
}));
