/** The demo's thank-you page: says which order and whose it is. */
(() => {
  "use strict";
  const space = (window.Offerloop = window.Offerloop || {});
  space.customerId = sessionStorage.getItem("demo-customer") || "USER001";
  document.getElementById("order").textContent = new URLSearchParams(location.search).get("order") || "";
})();
