// Notifications of the browser, where somebody has switched them on with the button in Settings.
// Phones show them through a service worker alone, so that is what is used where the page may not.

/** Show one; another with the same `tag` takes its place. */
export async function notify(body, tag) {
  const { Notification } = globalThis;
  if (Notification?.permission !== "granted" || !body) return;
  const options = { body, tag, icon: "page/icon.svg" };
  try {
    new Notification(document.title, options).onclick = () => focus();
  } catch {
    const found = await navigator.serviceWorker?.register("page/worker.js").catch(() => null); // none without a trusted certificate
    const coming = found?.active ? null : found?.installing ?? found?.waiting;
    if (coming) await new Promise((done) => coming.addEventListener("statechange", () => coming.state === "activated" && done()));
    found?.showNotification(document.title, options);
  }
}
