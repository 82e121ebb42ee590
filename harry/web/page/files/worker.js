// Shows notifications on phones, and brings the page back when one is touched. It keeps nothing and answers no request.

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const [page] = await clients.matchAll({ type: "window", includeUncontrolled: true });
    await (page ? page.focus() : clients.openWindow("../"));
  })());
});
