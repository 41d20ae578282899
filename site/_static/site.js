// A formula that is wider than the page scrolls by itself, so it must be reached by the keyboard; a shorter one must not.
(() => {
  function tabStops() {
    for (const formula of document.querySelectorAll('mjx-container[display="true"]')) {
      if (formula.scrollWidth > formula.clientWidth) formula.tabIndex = 0;
      else formula.removeAttribute("tabindex");
    }
  }
  function follow() {
    tabStops();
    new ResizeObserver(tabStops).observe(document.querySelector("main"));
  }
  // The kernel in the browser comes from a server, so on a page that is opened from a disk there is no link to it.
  if (location.protocol === "file:") {
    for (const link of document.querySelectorAll("a.live")) {
      const said = document.createElement("span");
      said.textContent = `${link.textContent}: this needs a server (python -m http.server, in the folder of the site)`;
      link.replaceWith(said);
    }
  }
  window.addEventListener("load", () => window.MathJax?.startup?.promise.then(follow));
})();
