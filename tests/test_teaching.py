"""How the notebooks teach: what every one of them says at its start and its end, minutes, predictions, tasks, symbols.

Each rule is a function of a notebook that yields complaints. What the rules say stands in CONTRIBUTING.md.
"""

import re
from collections import defaultdict
from itertools import takewhile
from typing import NamedTuple

from loops import for_each
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from d2lbptt.exercises._check import _tasks
from tools import bootstrap, notebooks

ROOT = notebooks.ROOT
SOURCES = notebooks.sources()
MOST = 45  # minutes, for what everyone needs
TASKS = {"00": (0, 0), "11": (12, 18), "12": (0, 2)}  # at least, at most; of the others three to five
FURTHER, MARK = "further", "· *further*"
KEY = r"\d\d[a-z]?\.\d+"

TITLE = re.compile(r"\A# \S.*\n")
GOALS = re.compile(r"^\*\*You will be able to\*\*\n\n?((?:- .*\n(?:  .*\n)*)+)", re.MULTILINE)
NEEDS = re.compile(r"^\*\*You need\*\* \S", re.MULTILINE)
TIME = re.compile(r"^\*\*Time\.\*\* (\d+) minutes(?:; with what is marked \*further\*, (\d+))?\.$", re.MULTILINE)
VAGUE = re.compile(r"- (?:understand|know|learn|appreciate|see|be |get|grasp|realize)\b", re.IGNORECASE)
PREDICT = re.compile(r"\*Predict\b[^*]*\*")
ANSWER = re.compile(r"^<details>\n<summary>Answer</summary>\n\n\S[^\0]*?\n\n</details>$", re.MULTILINE)
TASK = re.compile(rf"^\*\*Task ({KEY})\.?\*\*", re.MULTILINE)
CHECK = re.compile(rf'\bexercises\.check\("({KEY})"')
EXPLORER = re.compile(r"\bexplorers\.\w+\(")
NUMBER = re.compile(r"(?<![\w.])-?(?:[1-9]\d*\.\d+|0\.0*[1-9]\d+)(?![\w.]*\d)")  # of two digits and more; not 9.7.14


def key_of(path):
    return path.stem.partition("_")[0]


def tags(cell):
    return cell.metadata.get("tags", [])


def cells_of(notebook):
    return [cell for cell in notebook.cells if bootstrap.TAG not in tags(cell)]


def markdown(cells):
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


# --- the first and the last cell ---


def of_the_first_cell(notebook):
    first = cells_of(notebook)[0]
    text = first.source + "\n" if first.cell_type == "markdown" else ""
    goals = GOALS.search(text)
    for name, found in (("# Title", TITLE.search(text)), ("**You will be able to**", goals)):
        if not found:
            yield f"the first cell has no {name}"
    items = re.findall(r"^- .*", goals[1], re.MULTILINE) if goals else []
    if goals and len(items) < 2:
        yield "fewer than two things that one will be able to do"
    yield from (f"not testable: {item}" for item in items if VAGUE.match(item))
    if not NEEDS.search(text):
        yield "the first cell does not say **You need** ..."
    if not TIME.search(text):
        yield "the first cell does not say **Time.** 35 minutes; with what is marked *further*, 80."


def of_the_last_cell(notebook):
    last = cells_of(notebook)[-1]
    if last.cell_type != "markdown" or not last.source.startswith("## What to take home\n"):
        yield "the last cell is not ## What to take home"
    elif not re.search(r"^[-|] ", last.source, re.MULTILINE):
        yield "there is nothing to take home"
    if not re.search(r"^\*\*Next:\*\* .*\]\(\w+\.ipynb\)", last.source, re.MULTILINE):
        yield "the last cell does not say **Next:** [..](...ipynb)"


# --- minutes ---


class Minutes(NamedTuple):
    words: int
    code: int
    predictions: int
    tasks: int

    @property
    def all(self):
        return self.words / 180 + 1.5 * self.code + 4 * self.predictions + 6 * self.tasks


def minutes(cells):
    """What a student needs, who does not see the solutions."""
    texts = [notebooks.split(cell)[0] for cell in cells if cell.cell_type == "markdown"]
    return Minutes(
        words=len(" ".join(texts).split()),
        code=sum(cell.cell_type == "code" for cell in cells),
        predictions=sum(len(PREDICT.findall(text)) for text in texts),
        tasks=sum(bool(TASK.search(text)) for text in texts),
    )


def of_minutes(notebook):
    cells = cells_of(notebook)
    everyone = [cell for cell in cells if FURTHER not in tags(cell)]
    stated = TIME.search(cells[0].source)
    if not stated:
        return
    alone, beside = stated.groups()
    if (beside is None) is not (len(cells) == len(everyone)):
        yield "minutes are stated with *further* if, and only if, there is something further"
    if int(alone) > MOST:
        yield f"{alone} minutes are stated for everyone, and at most {MOST} are wanted"
    for text, chosen in ((alone, everyone), (beside, cells)):
        found = minutes(chosen)
        if text and abs(found.all - int(text)) > int(text) / 3:
            yield f"{text} minutes are stated, and {found.all:.0f} counted: {found}"
    if minutes(everyone).all > MOST * 4 / 3:
        yield f"everyone needs {minutes(everyone).all:.0f} minutes"


# --- further ---


def of_further(notebook):
    before = False
    for cell in cells_of(notebook):
        head, further = notebooks.split(cell)[0].partition("\n")[0], FURTHER in tags(cell)
        is_text = cell.cell_type == "markdown"
        if not is_text and head == "try:":  # what imports a library for cells far below
            continue
        heading = is_text and head.startswith("#")
        if heading and head.endswith(MARK) is not further:
            yield f"a heading ends with {MARK!r} if, and only if, its cell is tagged: {head}"
        elif further and not before and not heading and not (is_text and TASK.search(head)):
            yield f"what is further begins without a heading: {head}"
        before = further


# --- predictions ---


def of_predictions(notebook):
    for cell in cells_of(notebook):
        if cell.cell_type == "markdown" and PREDICT.search(cell.source):
            if not ANSWER.search(cell.source):
                yield f"no answer is folded away below the prediction {_question(cell)}"
            elif cell.source.rpartition("</details>")[2].strip():
                yield f"something comes after the folded answer of {_question(cell)}"
            elif PREDICT.search(ANSWER.sub("", cell.source)) is None:
                yield f"the question is folded away with its answer: {_question(cell)}"
    for text in markdown(cells_of(notebook)):
        if text.count("<details>") != len(re.findall(r"<details>\n<summary>[^<\n]+</summary>\n\n", text)):
            yield f"formulas in a fold need blank lines around it: {text[:60]!r}"
        if text.count("</details>") != len(re.findall(r"\n\n</details>(?:\n|$)", text)):
            yield f"formulas in a fold need blank lines around it: {text[:60]!r}"


def of_what_is_shown_after_a_prediction(notebook):
    """Of the notebook that is made: nothing but an explorer, and that must not show the answer."""
    cells = cells_of(notebook)
    for i, cell in enumerate(cells):
        if cell.cell_type != "markdown" or not PREDICT.search(cell.source):
            continue
        code = [*takewhile(lambda one: one.cell_type == "code", cells[i + 1 :])]
        if not any("assert" in one.source for one in code):
            yield f"no assert proves the answer to {_question(cell)}"
        for one in code:
            shown = "\n".join(map(_words, one.outputs))
            if one.outputs and not EXPLORER.search(one.source):
                yield f"a cell shows something right after {_question(cell)}: {one.source[:60]!r}"
            folded = " ".join(ANSWER.findall(cell.source))
            if told := set(NUMBER.findall(folded)) & set(NUMBER.findall(shown)):
                yield f"the explorer shows {', '.join(sorted(told))} of the answer to {_question(cell)}"


def _question(cell):
    return repr(cell.source[PREDICT.search(cell.source).start() :][:60])


def _words(output):
    data = output.get("data", {})
    return output.get("text", "") or data.get("text/markdown", "") or data.get("text/plain", "")


# --- tasks ---


def of_tasks(notebook, key, known):
    cells = cells_of(notebook)
    asked = [(TASK.search(cell.source)[1], cell) for cell in cells if _is_task(cell)]
    answered = [(CHECK.search(cell.source), cell) for cell in cells if "task" in tags(cell)]
    low, high = TASKS.get(key, (3, 5))
    if not low <= len(asked) <= high:
        yield f"{len(asked)} tasks, wanted {low} to {high}"
    if [name for name, _ in asked] != [f"{key}.{n}" for n in range(1, len(asked) + 1)]:
        yield f"the tasks are {[name for name, _ in asked]}, wanted {key}.1, {key}.2, ..."
    if [name for name, _ in asked] != [found and found[1] for found, _ in answered]:
        yield f"after the tasks {[name for name, _ in asked]} come the checks {[f and f[1] for f, _ in answered]}"
    if {name for name, _ in asked} != {name for name in known if name.partition(".")[0] == key}:
        yield "the package knows other tasks of this notebook"
    everyone = [name for name, cell in asked if FURTHER not in tags(cell)]
    if key not in TASKS and len(everyone) != 1:
        yield f"for everyone are the tasks {everyone}, wanted one"
    for (name, question), (_, cell) in zip(asked, answered, strict=False):
        if (FURTHER in tags(question)) is not (FURTHER in tags(cell)):
            yield f"{name}: question and cell are not both further"
    for cell in cells:
        if cell.cell_type == "code" and ("task" in tags(cell)) is not (CHECK.search(cell.source) is not None):
            yield f"a cell is tagged task if, and only if, it has a check: {cell.source[:60]!r}"
        if "task" in tags(cell) and notebooks.BEGIN not in cell.source:
            yield f"a task without a solution: {cell.source[:60]!r}"
    if asked:
        yield from _of_the_place_of_tasks(cells, key)


def _of_the_place_of_tasks(cells, key):
    heads = [i for i, cell in enumerate(cells) if cell.cell_type == "markdown" and re.match("## Tasks\n?", cell.source)]
    first = next(i for i, cell in enumerate(cells) if _is_task(cell))
    if key != "11" and (len(heads) != 1 or heads[0] > first):
        yield "the tasks are not below ## Tasks"
    elif key != "11" and any(_heading(cell) for cell in cells[heads[0] + 1 : -1]):
        yield "another section comes between the tasks and the last cell"


def _is_task(cell):
    return cell.cell_type == "markdown" and bool(TASK.search(cell.source))


def _heading(cell):
    return cell.cell_type == "markdown" and re.search("^## ", cell.source, re.MULTILINE)


# --- symbols ---

FORMULA = re.compile(r"\$\$.+?\$\$|(?<![\\$])\$(?!\$)[^$]+?(?<!\\)\$", re.DOTALL)
CODE = re.compile(r"```.*?```|`[^`\n]+`|(?<=\n\n)(?: {4}[^\n]*\n)+", re.DOTALL)
NAMES = re.compile(r"\]\([^)]*\)|(?<!\*)\*[^*\n]+\*(?!\*)")  # of files, and of what an explorer calls so
ASCII = re.compile(r"\|?dL/d\w+\|?|(?<![\w/.])(?:W|b|h|o|x|y|z)_(?:[a-z]{1,2}|\d|T)\b(?!\.\w)|\bsigma_max\b")
UNWANTED = {  # in formulas
    r"\\varphi\b": r"\varphi, where \phi is meant",
    r"\\epsilon\b": r"\epsilon, where \varepsilon is meant",
    r"s_\{?[tT]\b": "s_t, where z_t is meant",
    r"\(\s*[\w\\{} ]+[+-]\s*(?:\\mathrm\s*\{?)?i?\}?\s*h\s*\)": "h as the step of a difference, which is \\varepsilon",
    r"\{2h\}|/\(2h\)": "h as the step of a difference, which is \\varepsilon",
    r"\|\|?\s*\\(?:frac\{)?\\?partial": r"|..| or ||..|| around a derivative, where \lVert..\rVert is meant",
}


def formulas(texts):
    return [found for text in texts for found in FORMULA.findall(CODE.sub("", text))]


def of_symbols(notebook):
    texts = markdown(cells_of(notebook))
    for text in texts:
        plain = FORMULA.sub(" ", NAMES.sub(" ", CODE.sub(" ", text)))
        yield from (f"{found!r} is not typeset: {text[:60]!r}" for found in ASCII.findall(plain))
    for formula in formulas(texts):
        for pattern, words in UNWANTED.items():
            if re.search(pattern, formula):
                yield f"{words}: {formula}"
    if any(r"\\" + name in formula for formula in formulas(texts) for name in ("phi", "mathbf", "partial", "tau")):
        yield "a doubled backslash in a formula"


class Row(NamedTuple):
    symbols: tuple
    where: str

    def holds_in(self, key):
        """Whether the symbol is used in this notebook, as far as the page says: all, 05 to 12, or some by name."""
        if "all" in self.where:
            return True
        ranges = re.findall(r"(\d\d[a-z]?)(?: to (\d\d[a-z]?))?", self.where)
        return any(low <= key <= (high or low) or key[:2] == high for low, high in ranges)


def notation():
    """The rows of the page of notation: what stands between dollars in the first field, and the fourth."""
    rows = []
    for line in (ROOT / "notebooks" / "notation.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| $"):
            symbol, _, _, where, *_ = (field.strip() for field in line.strip("|").split("|"))
            symbols = re.findall(r"\$([^$]+)\$", symbol)
            parts = [part.strip() for symbol in symbols for part in re.split(r",(?![^({]*[)}])", symbol)]
            rows.append(Row(tuple(parts), where))
    return rows


BASE = re.compile(
    r"\\mathbf\s*\{?\s*(?:[a-zA-Z]|\\[a-z]+)\}?|\\hat\s*\{?\s*(?:\\mathbf\s*)?\w\}?|\\mathrm\s*\{?\s*[a-zA-Z]+\}?"
    r"|\\(?:alpha|beta|gamma|delta|varepsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|phi|chi|psi|omega"
    r"|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega|ell)\b|\\[a-zA-Z]+|[a-zA-Z]"
)
# Ordinary names of mathematics, and letters that only count, are no symbols of ours.
ORDINARY = {"i", "j", "n", "m", "p", "s", "u", "v", "r", "e"}


def letters(formula):
    """The letters of a formula, each with its typeface: h, \\mathbf h, \\tau."""
    bare = re.sub(
        r"\\(?:text|textrm|operatorname\*?|tag|mathrm|mathbb)\s*\{[^{}]*\}|\\(?:begin|end)\{[^{}]*\}", " ", formula
    )
    found = (re.sub(r"[{}\s]", "", letter) for letter in BASE.findall(bare))
    known = {
        *"alpha beta gamma delta varepsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi".split()
    }
    known |= {"omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "ell"}
    for letter in found:
        if not letter.startswith("\\") or letter.startswith(("\\mathbf", "\\hat")) or letter[1:] in known:
            yield letter


def of_notation(notebook, key, rows):
    """Every letter is on the page of notation, for this notebook, in one meaning."""
    here = [row for row in rows if row.holds_in(key)]
    on_page = {letter for row in here for symbol in row.symbols for letter in letters(symbol)} | ORDINARY
    on_page |= {letter.removeprefix("\\mathbf") for letter in on_page}  # the same of a network of one unit
    used = defaultdict(list)
    for formula in formulas(markdown(cells_of(notebook))):
        for letter in letters(formula):
            used[letter].append(formula)
    for letter in sorted(used.keys() - on_page):
        yield f"{letter} is not on the page of notation for this notebook: {used[letter][0][:80]!r}"


def of_two_meanings(rows, keys):
    """On the page: the same symbol in two rows that hold in one notebook."""
    seen = defaultdict(list)
    for row in rows:
        for symbol in row.symbols:
            seen[re.sub(r"\s+", " ", symbol)].append(row)
    for symbol, both in seen.items():
        for key in keys:
            if sum(row.holds_in(key) for row in both) > 1:
                yield f"{symbol} has two meanings in {key}: {[row.where for row in both]}"


# --- the notebooks ---

RULES = [of_the_first_cell, of_the_last_cell, of_minutes, of_further, of_predictions, of_symbols]
each = for_each("source", SOURCES)


def told(complaints):
    found = [*complaints]
    assert not found, "\n" + "\n".join(found)


@each
@for_each("rule", RULES)
def test_a_notebook_keeps_the_rule(source, rule):
    told(rule(notebooks.read(source)))


@each
def test_tasks(source):
    told(of_tasks(notebooks.read(source), key_of(source), _tasks()))


@each
def test_nothing_tells_the_answer_to_a_prediction(source):
    told(line for path in notebooks.made(source) for line in of_what_is_shown_after_a_prediction(notebooks.read(path)))


@each
def test_every_letter_is_on_the_page_of_notation(source):
    told(of_notation(notebooks.read(source), key_of(source), notation()))


def test_no_symbol_has_two_meanings_in_one_notebook():
    rows, keys = notation(), [key_of(path) for path in SOURCES]
    assert len(rows) > 40
    assert [row for row in rows if not any(map(row.holds_in, keys))] == []
    told(of_two_meanings(rows, keys))


def test_a_decade_is_defined_where_the_reader_begins():
    first = " ".join(markdown(notebooks.read(SOURCES[0]).cells))
    assert re.search(r"decade\W+is a factor of ten", first)


def test_the_contents_state_the_minutes_of_the_notebooks():
    """Where a table of contents has minutes at the end of its row, they are those of the notebook."""
    contents = "\n".join([*markdown(notebooks.read(SOURCES[0]).cells), (ROOT / "README.md").read_text("utf-8")])
    for source in SOURCES:
        stated = TIME.search(notebooks.read(source).cells[0].source)
        for row in re.findall(rf"^\|.*\b{source.name}\).*\|$", contents, re.MULTILINE):
            if (last := row.strip("| ").rpartition("|")[2].strip())[:1].isdigit():
                assert stated and re.findall(r"\d+", last)[0] == stated[1], row


# --- what breaks a rule is noticed ---

FIRST = """\
# Halves

What is a half?

**You will be able to**

- compute a half;
- say which of two numbers is a half.

**You need** nothing but [00, start here](00_start_here.ipynb).

**Time.** 15 minutes; with what is marked *further*, 35."""
PREDICTION = """\
## One number

*Predict:* what is $1/2$?

<details>
<summary>Answer</summary>

It is $0.5$, and no other.

</details>"""
HALF = "answer = ...  # a number\n### BEGIN SOLUTION\nanswer = 0.5\n### END SOLUTION\nbptt.exercises.check"
LAST = "## What to take home\n\n- A half is $\\frac12$.\n\n**Next:** [05, with tanh](05_with_tanh.ipynb)."


def good():
    def code(source, *names, outputs=()):
        return new_code_cell(source, metadata={"tags": list(names)}, outputs=list(outputs))

    def text(source, *names):
        return new_markdown_cell(source, metadata={"tags": list(names)})

    explorer = [new_output("display_data", {"text/markdown": "It is 0.25."})]
    return new_notebook(
        cells=[
            text(FIRST),
            code("nothing", bootstrap.TAG),
            text(PREDICTION),
            code("bptt.explorers.half()", outputs=explorer),
            code("assert 1 / 2 == 0.5"),
            text("### Thirds · *further*\n\n$\\mathbf h_t$ and `W_hh` and *W_hh*.", "further"),
            text("## Tasks\n\n**Task 04.1.** What is a half?"),
            code(f'{HALF}("04.1", answer)', "task"),
            text("**Task 04.2** · *further*. And again?", "further"),
            code(f'{HALF}("04.2", answer)', "task", "further"),
            text("**Task 04.3.** Once more?", "further"),
            code(f'{HALF}("04.3", answer)', "task", "further"),
            text(LAST),
        ]
    )


def all_complaints(notebook):
    yield from (line for rule in RULES for line in rule(notebook))
    yield from of_what_is_shown_after_a_prediction(notebook)
    yield from of_tasks(notebook, "04", {"03.1", "04.1", "04.2", "04.3"})


def test_a_notebook_that_keeps_the_rules_is_told_nothing():
    assert [*all_complaints(good())] == []


@for_each(
    ("place", "old", "new", "words"),
    [
        (0, "# Halves", "Halves", "no # Title"),
        (0, "**You will be able to**", "You can", "no **You will be able to**"),
        (0, "- compute", "- understand", "not testable: - understand"),
        (0, "**You need**", "Needed:", "**You need**"),
        (0, "15 minutes; with", "15 minutes, with", "**Time.**"),
        (0, "15 minutes", "9 minutes", "9 minutes are stated, and 1"),
        (0, "15 minutes", "50 minutes", "at most 45"),
        (0, "*further*, 35", "*further*, 60", "60 minutes are stated, and 3"),
        (0, "; with what is marked *further*, 35", "", "if, and only if, there is something further"),
        (2, "<details>\n", "", "no answer is folded away"),
        (2, "</summary>\n\n", "</summary>\n", "blank lines"),
        (2, "other.\n\n", "other.\n", "blank lines"),
        (2, "</details>", "</details>\n\nIt is a half.", "something comes after"),
        (2, "It is $0.5$", "It is 0.25", "the explorer shows 0.25"),
        (3, "bptt.explorers.half()", "print(0.25)", "shows something right after"),
        (4, "assert", "print", "no assert proves"),
        (5, " · *further*", "", "a heading ends with"),
        (5, "### Thirds · *further*", "Thirds", "begins without a heading"),
        (5, "$\\mathbf h_t$", "h_t", "'h_t' is not typeset"),
        (5, "$\\mathbf h_t$", "|dL/dh_1|", "'|dL/dh_1|' is not typeset"),
        (5, "$\\mathbf h_t$", "$\\varphi$", "\\phi is meant"),
        (5, "$\\mathbf h_t$", "$\\\\phi$", "doubled backslash"),
        (5, "$\\mathbf h_t$", "$f(w + h)$", "step of a difference"),
        (5, "$\\mathbf h_t$", "$\\frac{f(w + \\mathrm ih)}{2h}$", "step of a difference"),
        (6, "## Tasks", "## Work", "not below ## Tasks"),
        (6, "04.1", "04.4", "wanted 04.1"),
        (7, '"04.1"', '"04.2"', "come the checks"),
        (7, "### BEGIN SOLUTION\nanswer = 0.5\n### END SOLUTION\n", "", "without a solution"),
        (8, "**Task 04.2**", "Task 04.2", "2 tasks, wanted 3 to 5"),
        (8, "And", "\n## And", "another section"),
        (12, "## What to take home", "## The end", "not ## What to take home"),
        (12, "**Next:**", "Next", "**Next:**"),
        (12, "- A half", "A half", "nothing to take home"),
    ],
)
def test_what_breaks_a_rule_is_noticed(place, old, new, words):
    notebook = good()
    assert old in notebook.cells[place].source
    notebook.cells[place].source = notebook.cells[place].source.replace(old, new)
    found = [*all_complaints(notebook)]
    assert any(words in line for line in found), found


@for_each(
    ("place", "names", "words"),
    [
        (5, [], "a heading ends with"),
        (7, [], "tagged task if, and only if"),
        (8, [], "for everyone are the tasks ['04.1', '04.2']"),
        (9, ["task"], "04.2: question and cell are not both further"),
        (4, ["task"], "a cell is tagged task"),
    ],
)
def test_a_wrong_tag_is_noticed(place, names, words):
    notebook = good()
    notebook.cells[place].metadata.tags = names
    found = [*all_complaints(notebook)]
    assert any(words in line for line in found), found


def test_letters_and_two_meanings_are_looked_up_on_the_page():
    rows = [
        Row((r"\mathbf h_t",), "all"),
        Row((r"\tau",), "05 to 07"),
        Row((r"\theta",), "01, 10"),
        Row((r"\theta",), "07, 10"),
    ]
    told_of = [
        line.partition(" is")[0] for line in of_notation(page(r"$\mathbf h_t$ $h_t$ $\theta$ $\tau$"), "04", rows)
    ]
    assert told_of == [r"\tau", r"\theta"]
    assert [*of_notation(page(r"$\theta_{\text{max}}\,\tau$"), "07b", rows)] == [
        r"\theta is not on the page of notation for this notebook: '$\\theta_{\\text{max}}\\,\\tau$'"
    ]
    assert [line.partition(":")[0] for line in of_two_meanings(rows, ["01", "07", "10"])] == [
        r"\theta has two meanings in 10"
    ]


def page(text):
    return new_notebook(cells=[new_markdown_cell(text)])
