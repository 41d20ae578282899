"""A little of TeX as HTML and as plain text. Oracle: what stands here, and that a parser of XML takes the HTML."""

import xml.etree.ElementTree as ET

from loops import for_each

from d2lbptt._typeset import as_html, as_plain

MATH = '<span class="d2l-math">{}</span>'


@for_each(
    ("tex", "html", "plain"),
    [
        ("T = 200", "<var>T</var> = 200", "T = 200"),
        (r"\tau = 30", "<var>τ</var> = 30", "τ = 30"),
        ("10^{-19}", "10<sup>−19</sup>", "10^-19"),
        ("|dL/dh_1|", "|<var>dL</var>/<var>dh</var><sub>1</sub>|", "|dL/dh_1|"),
        ("h_{T-1}", "<var>h</var><sub><var>T</var>−1</sub>", "h_T-1"),
        (r"\sigma_{max}", "<var>σ</var><sub>max</sub>", "σ_max"),
        ("W_{hh}^T", "<var>W</var><sub><var>hh</var></sub><sup><var>T</var></sup>", "W_hh^T"),
        (
            r"\partial L/\partial\mathbf h_t",
            "∂ <var>L</var>/∂<var>h</var><sub><var>t</var></sub>",
            "∂ L/∂h_t",
        ),
        (r"\lVert\mathbf{W}\rVert \ge \varepsilon", "‖<var>W</var>‖ ≥ <var>ε</var>", "‖W‖ ≥ ε"),
        (r"4 \cdot 10^6 < x", "4 · 10<sup>6</sup> &lt; <var>x</var>", "4 · 10^6 < x"),
    ],
)
def test_symbols(tex, html, plain):
    assert as_html(f"${tex}$") == MATH.format(html)
    assert as_plain(f"${tex}$") == plain
    ET.fromstring(as_html(f"<{tex}> & ${tex}$").join(("<p>", "</p>")))


def test_words_between_symbols_stay_words():
    text = "At $g$ < 1 it <b>shrinks</b> & $T$ is long."
    g, T = MATH.format("<var>g</var>"), MATH.format("<var>T</var>")
    assert as_html(text) == f"At {g} &lt; 1 it &lt;b&gt;shrinks&lt;/b&gt; &amp; {T} is long."
    assert as_plain(text) == "At g < 1 it <b>shrinks</b> & T is long."
