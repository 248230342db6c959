"""The report of a real scan in a real browser: it loads in silence, shows the study's numbers, sorts and filters.

The screenshots lie in the folder that the run names (SUPERSOLITON_SCREENSHOTS, else build/screenshots).
"""

import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest
import tomli_w

import supersoliton as ss
from supersoliton.config import loads
from supersoliton.scans.job import scan
from supersoliton.scans.report import records, write_report

SHOTS = Path(os.environ.get("SUPERSOLITON_SCREENSHOTS", Path(__file__).parents[2] / "build" / "screenshots"))
DOCS = Path(__file__).parents[2] / "docs"
EVIL = "<img src=x onerror=alert(1)>"
SIZES = [(390, 844), (768, 1024), (1440, 900), (1920, 1080)]
SMALL = {
    "model": {"n_octaves": 3, "m0_squared": 0.5, "g": 0.6, "quartic_sign": -1, "lambda_1": 0.05, "lambda_2": 0.01},
    "grid": {"r_max": 20.0, "n_elements": 6, "order": 10},
    "spectrum": {"n_modes": 40},
    "scan": {
        "trials": 12,
        "workers": 1,
        "sampler": "sobol",
        "objectives": ["fractal_score", "hierarchy", "regularity"],
        "parameters": {"g": [0.3, 0.8], "norm": {"low": 100, "high": 3000, "log": True}},
    },
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scan") / "small"
    scan(loads(SMALL), out=folder, quiet=True)
    return folder


@pytest.fixture(scope="module")
def record(run):
    return records.read_record(run)


@pytest.fixture
def page(browser, run):
    """The page of the report; at the end nothing may have been said on the console or asked of the network."""
    said, asked = [], []
    tab = browser.new_page(viewport={"width": 1440, "height": 900})
    tab.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    address = (run / "report.html").as_uri()
    tab.goto(address)
    tab.add_style_tag(content=":root { scroll-behavior: auto !important }")
    yield tab
    tab.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [address]


def _canvas(page, view):
    holder = page.locator(view).first
    holder.scroll_into_view_if_needed()
    return holder.locator("canvas").last


def _values(page, where):
    """Name of a column -> the number that a table under `where` shows."""
    rows = page.locator(f"{where} tr[data-name]").all()
    cells = {row.get_attribute("data-name"): row.locator("td:not(.mark)").first.inner_text() for row in rows}
    return {name: float(words.replace("−", "-")) for name, words in cells.items()}


def _point_at(page, view, number):
    """Where the page says that it drew a trial: the pointer goes there."""
    box = _canvas(page, view).bounding_box()
    x, y = page.evaluate(
        "([kind, number]) => views.find((view) => view.holder.dataset.view === kind).place(indexOf.get(number))",
        [re.search(r"data-view=(\w+)", view).group(1), number],
    )[:2]
    page.mouse.move(box["x"] + x, box["y"] + y)


def _numbers(page):
    """The trials that the table shows, in its order."""
    return [int(row.get_attribute("data-trial")) for row in page.locator(".trials tbody tr").all()]


@pytest.mark.parametrize("view", ["[data-view=cube]", "[data-view=projection]"])
def test_pointing_at_a_trial_shows_that_trial(page, record, view):
    """Every number of the card at the pointer is the one on record in the study."""
    seen = set()
    for trial in record.trials:
        _point_at(page, view, trial.number)
        shown = next(t for t in record.trials if t.number == int(page.locator("#tip").get_attribute("data-number")))
        seen.add(shown.number)
        values = _values(page, "#tip")
        assert [values[name] for name in record.objectives] == pytest.approx(shown.objectives, rel=1e-4)
    # a trial that another one covers shows the nearer one
    assert len(seen) >= 0.7 * len(record.trials)


POINTED = """
  (() => {  // [place across in 40ths, number of the trial that the card shows] at the points of a grid
    const canvas = document.querySelector("[data-view=projection] canvas + canvas");
    const found = [], tip = document.getElementById("tip"), box = canvas.getBoundingClientRect();
    for (let i = 0; i < 40; i += 0.5) {
      for (let j = 0; j < 40; j++) {
        const at = { clientX: box.left + (box.width * i) / 40, clientY: box.top + (box.height * j) / 40 };
        canvas.dispatchEvent(new PointerEvent("pointermove", at));
        if (!tip.hidden) found.push([i, Number(tip.dataset.number)]);
      }
    }
    return found;
  })()
"""


def test_the_pointer_finds_trials_in_the_order_of_their_values(page, record):
    """Independent of what the page says of its own places: from left to right the objective on the abscissa rises."""
    _canvas(page, "[data-view=projection]")
    met = page.evaluate(POINTED)
    values = {trial.number: trial.objectives[0] for trial in record.trials}
    span = max(values.values()) - min(values.values())
    assert len({number for _, number in met}) >= 0.7 * len(record.trials)
    # a pixel of the pointer against a value: on one line, within the 16 pixels from which a trial is found
    places = np.array([[i / 40, (values[number] - min(values.values())) / span] for i, number in met])
    slope, start = np.polyfit(places[:, 1], places[:, 0], 1)
    assert slope > 0.5
    assert np.abs(start + slope * places[:, 1] - places[:, 0]).max() < 0.06


def test_a_click_opens_the_drawer_with_the_certificate_of_the_stored_state(page, record, run):
    best = record.pareto[-1]
    _point_at(page, "[data-view=projection]", best.number)
    page.mouse.down()
    page.mouse.up()
    number = int(page.locator("#trial").get_attribute("data-number"))
    shown = next(t for t in record.trials if t.number == number)
    values = _values(page, "#trial")
    for name, value in [*zip(record.objectives, shown.objectives, strict=True), *shown.couplings.items()]:
        assert values[name] == pytest.approx(value, rel=1e-4)
    state = ss.load(run / "states" / f"trial_{number:05d}.nc")
    marks = page.locator("#trial .checks").first.locator("tr").all()
    assert len(marks) >= 5
    for row in marks:
        words = row.inner_text()
        assert ("✓" in words) == (
            not any(name in " ".join(state.certificate.reasons) for name in ("residual", "virial"))
        )
    assert _values(page, "#trial .checks")["residual"] == pytest.approx(state.certificate.residual, rel=0.06)
    assert page.locator("#trial h4").all_inner_texts() == [
        "Profile",
        "Spectrum",
        "Certificate",
        "Constraints",
        "Other numbers",
    ]
    assert page.evaluate("location.hash") == f"#trial={number}"
    page.keyboard.press("Escape")
    assert not page.locator("#drawer").is_visible()


def test_hovering_over_a_profile_reads_the_fields_there(page, record, run):
    """Against the polynomials of the stored state, at a radius in the wall."""
    trial = record.pareto[0]
    state = ss.load(run / "states" / f"trial_{trial.number:05d}.nc")
    box = page.locator("#best svg").bounding_box()
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"])
    words = page.locator("#best .key").inner_text().replace("−", "-")
    r = float(re.search(r"at r = ([\d.]+)", words).group(1))
    higgs = float(re.search(r"Φ = (-?[\d.]+)", words).group(1))
    assert r > 1.0
    assert higgs == pytest.approx(float(state(np.array([r]))[0, -1]), abs=2e-3)


def test_the_first_screen_has_numbers_the_best_profile_and_the_front(page, record):
    tiles = page.locator(".tiles").inner_text()
    solitons = sum(trial.is_soliton for trial in record.trials)
    assert re.search(rf"trials\s+{len(record.trials)}\s", tiles)
    assert re.search(rf"solitons\s+{solitons}\s", tiles)
    assert re.search(rf"on the front\s+{len(record.pareto)}\s", tiles)
    for place in (".tiles", "#best svg", ".first .view"):
        box = page.locator(place).first.bounding_box()
        assert box["y"] + box["height"] <= 900, place
        assert box["height"] > 60, place


def test_the_cube_turns_and_never_shows_its_floor_from_below(page):
    canvas = _canvas(page, "[data-view=cube]")
    holder = page.locator("[data-view=cube]")
    box = canvas.bounding_box()
    angle = float(holder.get_attribute("data-azimuth"))
    where = "views.find((v) => v.holder.dataset.view === 'cube')"
    places = page.evaluate(f"record.number.map((_, i) => {where}.place(i))")
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 170, steps=5)
    page.mouse.up()
    assert float(holder.get_attribute("data-azimuth")) != angle
    after = page.evaluate(f"record.number.map((_, i) => {where}.place(i))")
    assert all(a[:2] != b[:2] for a, b in zip(places, after, strict=True))
    canvas.focus()
    for _ in range(15):
        page.keyboard.press("ArrowDown")
    assert float(holder.get_attribute("data-elevation")) == 0.0
    page.keyboard.press("Home")
    assert float(holder.get_attribute("data-azimuth")) == angle


def test_dragging_along_an_axis_filters_the_pictures_and_the_table(page, record):
    box = _canvas(page, "[data-view=parallel]").bounding_box()
    x, low, high = page.evaluate(
        "(() => { const v = views.find((one) => one.axisX); return [v.axisX(0), v.axisY(0.5), v.axisY(1)]; })()"
    )
    page.mouse.move(box["x"] + x, box["y"] + low)
    page.mouse.down()
    page.mouse.move(box["x"] + x, box["y"] + high, steps=4)
    page.mouse.up()
    low_g, high_g = SMALL["scan"]["parameters"]["g"]
    inside = {trial.number for trial in record.trials if trial.couplings["g"] >= 0.5 * (low_g + high_g)}
    assert f"{len(inside)} of {len(record.trials)} trials" in page.locator("#chosen").inner_text()
    page.select_option("#which", "all")
    assert {*_numbers(page)} == inside
    page.click("#chosen .chip")
    assert page.locator("#chosen").inner_text() == ""
    assert len(_numbers(page)) == len(record.trials)


def test_a_range_is_typed_without_a_mouse(page, record):
    page.select_option("#ranges select", "energy")
    middle = float(np.median([trial.value("energy") for trial in record.trials]))
    page.fill("#ranges input[name=from]", str(middle))
    page.press("#ranges input[name=from]", "Enter")
    page.select_option("#which", "all")
    assert {*_numbers(page)} == {trial.number for trial in record.trials if trial.value("energy") >= middle}


def test_the_table_sorts_by_a_heading_and_its_csv_is_that_of_the_scan(page, record, run):
    page.select_option("#which", "all")
    for name, k in (("hierarchy", 1), ("regularity", 2)):
        page.click(f".trials th[data-name={name}] button")
        best = sorted(record.trials, key=lambda trial: -trial.objectives[k])
        assert _numbers(page) == [trial.number for trial in best]
        assert page.locator(f".trials th[data-name={name}]").get_attribute("aria-sort") == "descending"
        page.keyboard.press("Enter")  # the heading has kept the focus
        assert _numbers(page) == [trial.number for trial in reversed(best)]
    with page.expect_download() as saved:
        page.click("#csv")
    with open(saved.value.path(), newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    with (run / "trials.csv").open(newline="", encoding="utf-8") as file:
        known = {row["number"]: row for row in csv.DictReader(file)}
    assert [int(row["number"]) for row in rows] == [trial.number for trial in reversed(best)]
    for row in rows:
        for name in (*record.objectives, *record.parameters, "charge"):
            wanted = known[row["number"]][name]
            assert float(row[name] or "nan") == pytest.approx(float(wanted or "nan"), rel=1e-5, nan_ok=True)


def test_columns_are_chosen_and_defined_where_the_documentation_defines_them(page):
    page.click("summary:has-text('columns')")
    page.check("#columns input[value=virial]")
    assert page.locator(".trials th[data-name=virial]").count() == 1
    documented = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", (DOCS / "trials_table.md").read_text(), re.MULTILINE))
    for name in ("hierarchy", "norm", "virial", "number"):
        title = page.locator(f".trials th[data-name={name}] .defined").get_attribute("title")
        assert documented[name] in title
    assert page.locator(".trials th[data-name=norm]").inner_text().startswith("N")


def test_without_a_mouse_a_trial_is_found_opened_and_left(page, record):
    canvas = _canvas(page, "[data-view=projection]")
    canvas.focus()
    met = []
    for _ in record.trials:
        page.keyboard.press("ArrowRight")
        met.append(int(page.locator("#tip").get_attribute("data-number")))
    values = {trial.number: trial.objectives[0] for trial in record.trials}
    assert [values[number] for number in met] == sorted(values.values())
    page.keyboard.press("Enter")
    assert int(page.locator("#trial").get_attribute("data-number")) == met[-1]
    assert page.evaluate("document.activeElement.id") == "drawer"
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "CANVAS"


def test_axes_and_colours_are_chosen(page, record):
    """The two couplings with a result as a colour; a trial without that number is not drawn."""
    page.select_option(".map select[data-axis=x]", "norm")
    page.select_option(".map select[data-axis=y]", "g")
    found = page.evaluate(
        "(() => { const v = views.find((one) => one.holder.closest('.map')); return [v.x, v.y, v.colour]; })()"
    )
    assert found == ["norm", "g", record.objectives[0]]


def test_an_address_opens_a_trial(browser, run, record):
    tab = browser.new_page()
    tab.goto(f"{(run / 'report.html').as_uri()}#trial={record.trials[3].number}")
    assert int(tab.locator("#trial").get_attribute("data-number")) == record.trials[3].number
    tab.click("#next")
    assert int(tab.locator("#trial").get_attribute("data-number")) != record.trials[3].number
    tab.close()


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_four_sizes_in_light_and_dark(page, record, width, height):
    """The pictures that a person looks at; nothing is wider than the window, and a tap shows what it opened."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": width, "height": height})
    for scheme, ground in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 24, 29)")):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.screenshot(path=SHOTS / f"report-{width}-{scheme}.png")
    page.locator(f".trials tr[data-trial='{record.pareto[0].number}']").click()
    box = page.locator("#drawer").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= height
    assert box["width"] * box["height"] < 0.75 * width * height
    heading = page.locator("#trial h3").bounding_box()
    assert 0 <= heading["y"] < height
    page.screenshot(path=SHOTS / f"report-{width}-drawer.png")


def test_paper(page, tmp_path):
    """Printed without the drawer and the buttons, but with what the views draw, in light colours."""
    page.emulate_media(color_scheme="dark")
    page.evaluate("openTrial(0)")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.pdf(path=SHOTS / "report.pdf", format="A4")
    assert (SHOTS / "report.pdf").stat().st_size > 100_000
    page.evaluate("paper(true)")
    drawn_for = page.evaluate("views.map((view) => view.width)")
    page.set_viewport_size({"width": 688, "height": 1017})  # A4 less its margins
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("views.map((view) => view.holder.clientWidth)") == pytest.approx(drawn_for, abs=1)
    assert not page.locator("#drawer").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    drawn = (
        "views.map((v) => v.over.getContext('2d').getImageData(0, 0, v.over.width, v.over.height).data.some(Boolean))"
    )
    assert all(page.evaluate(drawn))


WRITTEN = """
  (() => {  // the boxes of all labels that are written on a canvas, as corners in pixels of the canvas
    window.labels = [];
    const old = write;
    window.write = function (ctx, column, x, y) {
      const m = ctx.getTransform(), dots = window.devicePixelRatio, wide = widthOf(ctx, column);
      const left = ctx.textAlign === "center" ? x - wide / 2 : ctx.textAlign === "right" ? x - wide : x;
      const corners = [[left, y - 7], [left + wide, y - 7], [left + wide, y + 5], [left, y + 5]].map(
        ([u, v]) => [(m.a * u + m.c * v + m.e) / dots, (m.b * u + m.d * v + m.f) / dots]);
      window.labels.push({ text: column.label, corners });
      old(ctx, column, x, y);
    };
    const view = views.find((one) => one.axisX);
    view.near = true;
    view.redraw();
    return [window.labels, view.width, view.height];
  })()
"""


def _overlap(one, two):
    """Two convex boxes, by the theorem of the separating axis."""
    for box in (one, two):
        for (x, y), (u, v) in zip(box, np.roll(box, -1, axis=0), strict=True):
            normal = np.array([v - y, x - u])
            if (one @ normal).max() <= (two @ normal).min() or (two @ normal).max() <= (one @ normal).min():
                return False
    return True


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A page of seven couplings, three objectives and 45 trials."""
    import optuna

    folder = tmp_path_factory.mktemp("many")
    study = optuna.create_study(
        storage=f"sqlite:///{folder / 'study.db'}", study_name="many", directions=["maximize"] * 3
    )
    objectives = ["fractal_score", "hierarchy", "regularity"]
    (folder / "config.resolved.toml").write_text(tomli_w.dumps({"scan": {"objectives": objectives}}))
    names = ["g", "m0_squared", "norm", "g_yukawa", "lambda_1", "a_long_name_of_mine", "beta"]
    ranges = {name: optuna.distributions.FloatDistribution(0.0, 1.0) for name in names}
    study.add_trials(
        optuna.trial.create_trial(
            values=[k, 44.0 - k, 1.0 + k % 7],
            params={name: (0.37 * k + 0.1 * j) % 1.0 for j, name in enumerate(names)},
            distributions=ranges,
        )
        for k in range(45)
    )
    return write_report(folder), len(names) + len(objectives)


@pytest.mark.parametrize("width", [360, 420, 1280])
def test_names_of_many_couplings_do_not_lie_on_one_another(browser, many, width):
    path, count = many
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.goto(path.as_uri())
    labels, wide, high = tab.evaluate(WRITTEN)
    tab.close()
    assert len(labels) >= count
    assert {"m_{0}^{2}", "λ_{1}", "β"} <= {one["text"] for one in labels}
    boxes = [(one["text"], np.array(one["corners"])) for one in labels]
    for i, (name, box) in enumerate(boxes):
        assert ((box >= 0) & (box <= [wide, high])).all(), f"{name} is cut off"
        assert [other for other, second in boxes[:i] if _overlap(box, second)] == [], f"{name} at {width} pixels"


def test_a_long_table_has_pages(browser, many):
    tab = browser.new_page()
    tab.goto(many[0].as_uri())
    tab.select_option("#which", "all")
    tab.click(".trials th[data-name=fractal_score] button")
    met = _numbers(tab)
    assert met == [*range(44, 24, -1)]
    for _ in range(2):
        tab.click("text=next ›")
        met += _numbers(tab)
    assert met == [*range(44, -1, -1)]
    assert "41 to 45 of 45" in tab.locator(".pager").inner_text()
    assert tab.locator(".pager button").last.is_disabled()
    tab.close()


def test_nothing_of_the_record_becomes_markup(browser, tmp_path):
    """Names and reasons that are markup are shown as text: no element of theirs, no script runs."""
    import optuna

    study = optuna.create_study(
        storage=f"sqlite:///{tmp_path / 'study.db'}", study_name=EVIL, directions=["maximize"] * 3
    )
    names = [EVIL, "b</script>", "c' onmouseover='alert(2)"]
    (tmp_path / "config.resolved.toml").write_text(tomli_w.dumps({"scan": {"objectives": names}}))
    for k in range(3):
        trial = study.ask()
        trial.suggest_float(f"{EVIL}'\"", 0, 1)
        for name, value in (
            ("kind", EVIL),
            ("status", EVIL),
            ("reasons", [EVIL, "</script><script>alert(3)</script>"]),
        ):
            trial.set_user_attr(name, value)
        study.tell(trial, [k, -k, 1.0])
    said = []
    tab = browser.new_page()
    tab.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.goto(write_report(tmp_path).as_uri())
    tab.locator(".trials tbody tr").first.click()
    tab.evaluate("for (const view of views) { view.near = true; view.redraw(); }")
    assert int(tab.locator("#trial").get_attribute("data-number")) in (0, 1, 2)
    assert EVIL in _values(tab, "#trial .point")
    assert tab.locator("img[src=x]").count() == 0
    assert tab.locator("[onmouseover]").count() == 0
    assert tab.locator("#trial").inner_text().count(EVIL) >= 3
    tab.close()
    assert said == []
