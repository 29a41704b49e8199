// Reports clicks to resift. Load it with
//   <script src="…/events.js" data-application="shop" data-client="USER OR SESSION" defer></script>
// and mark the list with data-resift-query="X-Resift-Query-Id of the answer", each hit with data-resift-hit="its _id".
// Clicks on links and buttons inside a hit are sent; resift.event(action, queryId, objectId, rank) sends anything else.
(function () {
  var me = document.currentScript, target = new URL("events", me.src).href;
  function event(action, query, id, rank) {
    var e = {
      application: me.dataset.application, client_id: me.dataset.client, action_name: action, query_id: query,
      timestamp: new Date().toISOString(),
      event_attributes: { object: { object_id: id, object_id_field: "_id" } }
    };
    if (rank > 0) e.event_attributes.position = { ordinal: rank };
    var body = JSON.stringify(e); // text/plain: no preflight, and a beacon outlives the page
    if (!(navigator.sendBeacon && navigator.sendBeacon(target, body)))
      fetch(target, { method: "POST", body: body, keepalive: true, mode: "no-cors" }).catch(function () {});
  }
  addEventListener("click", function (c) {
    var hit = c.target.closest && c.target.closest("[data-resift-hit]");
    var list = hit && hit.closest("[data-resift-query]");
    if (!list || !c.target.closest("a,button")) return;
    var hits = Array.prototype.slice.call(list.querySelectorAll("[data-resift-hit]"));
    var from = +(list.dataset.resiftFrom || 0);
    event("click", list.dataset.resiftQuery, hit.dataset.resiftHit, from + hits.indexOf(hit) + 1);
  }, true);
  window.resift = { event: event };
})();
