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
  window.addEventListener("load", () => window.MathJax?.startup?.promise.then(follow));
})();
