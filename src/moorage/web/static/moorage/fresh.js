// Says so when a page that keeps itself fresh cannot reach Moorage any more: what it shows is then of the past.
(() => {
  const line = () => document.getElementById("stale");
  let reached = new Date();
  const fresh = () => {
    reached = new Date();
    if (line()) line().hidden = true;
  };
  const stale = () => {
    if (!line() || !line().hidden) return;
    line().textContent = `Moorage cannot be reached. What you see is from ${reached.toLocaleTimeString()}; it goes on by itself.`;
    line().hidden = false;
  };
  document.addEventListener("htmx:after:swap", fresh);
  document.addEventListener("htmx:error", stale);
})();
