"""The report of a real scan in a real browser: it loads in silence, pointing shows the right trial, the cube turns.

The screenshots lie in the folder that the run names (SUPERSOLITON_SCREENSHOTS, else build/screenshots).
"""

import os
import re
from pathlib import Path

import numpy as np
import pytest
import tomli_w

from supersoliton.config import loads
from supersoliton.scans.job import scan
from supersoliton.scans.report import records, write_report

SHOTS = Path(os.environ.get("SUPERSOLITON_SCREENSHOTS", Path(__file__).parents[2] / "build" / "screenshots"))
EVIL = "<img src=x onerror=alert(1)>"
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
    tab = browser.new_page(viewport={"width": 1280, "height": 960})
    tab.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    address = (run / "report.html").as_uri()
    tab.goto(address)
    tab.locator("#pareto-front").scroll_into_view_if_needed()
    yield tab
    tab.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [address]


def _canvas(page, view):
    holder = page.locator(view).first
    holder.scroll_into_view_if_needed()
    return holder.locator("canvas").last


def _shown(page):
    """What the panel tells: the number of the trial, and name -> text of its table."""
    number = int(re.search(r"\d+", page.locator("#trial h3").inner_text()).group())
    rows = page.locator("#trial table tr").all()
    return number, {row.locator("th").inner_text(): row.locator("td").first.inner_text() for row in rows}


def _point_at(page, view, number):
    """Where the page says that it drew a trial: the pointer goes there."""
    box = _canvas(page, view).bounding_box()
    x, y = page.evaluate(
        "([kind, number]) => views.find((view) => view.holder.dataset.view === kind).place(indexOf.get(number))",
        [re.search(r"data-view=(\w+)", view).group(1), number],
    )[:2]
    page.mouse.move(box["x"] + x, box["y"] + y)


@pytest.mark.parametrize("view", ["[data-view=cube]", "[data-view=projection]"])
def test_pointing_at_a_trial_shows_that_trial(page, record, view):
    """Every number in the panel is the one on record in the study."""
    seen = set()
    for trial in record.trials:
        _point_at(page, view, trial.number)
        number, values = _shown(page)
        shown = next(t for t in record.trials if t.number == number)
        seen.add(number)
        for name, value in zip(record.objectives, shown.objectives, strict=True):
            assert float(values[name.replace("_", " ")].replace("−", "-")) == pytest.approx(value, rel=1e-3)
        for name, value in shown.couplings.items():
            assert float(values[name].replace("−", "-")) == pytest.approx(value, rel=1e-4)
    # a trial that another one covers shows the nearer one
    assert len(seen) >= 0.7 * len(record.trials)


def test_the_pointer_finds_trials_in_the_order_of_their_values(page, record):
    """Independent of what the page says of its own places: from left to right the objective on the abscissa rises."""
    canvas = _canvas(page, "[data-view=projection]")
    box = canvas.bounding_box()
    met, last = [], None
    for i in range(0, 40):
        for j in range(2, 24, 3):  # 17 pixels: a trial is found from 16 away
            page.mouse.move(box["x"] + box["width"] * i / 40, box["y"] + box["height"] * j / 25)
            number = int(page.locator("#trial").get_attribute("data-number"))
            if number != last and last is not None:
                met.append((i, number))
            last = number
    values = {trial.number: trial.objectives[0] for trial in record.trials}
    span = max(values.values()) - min(values.values())
    assert len({number for _, number in met}) >= 0.7 * len(record.trials)
    # a pixel of the pointer against a value: on one line, within the 16 pixels in 253 from which a trial is found
    places = np.array([[i / 40, (values[number] - min(values.values())) / span] for i, number in met])
    slope, start = np.polyfit(places[:, 1], places[:, 0], 1)
    assert slope > 0.5
    assert np.abs(start + slope * places[:, 1] - places[:, 0]).max() < 0.1


def test_panel_has_certificate_profile_and_spectrum_of_a_pareto_trial(page, record):
    best = record.pareto[-1]
    page.fill("#pick", str(best.number))
    page.press("#pick", "Enter")
    number, _ = _shown(page)
    assert number == best.number
    headings = page.locator("#trial h4").all_inner_texts()
    assert headings == ["Certificate", "Targets hit", "Profile", "Spectrum"]
    words = page.locator("#trial").inner_text()
    assert re.search(rf"static functional \[mass\] {re.escape(format(best.value('energy'), '.5g')[:4])}", words)
    assert page.locator("#trial svg path").count() >= 4  # three octaves and the Higgs field
    # the first stored node of the Higgs field, drawn where its value says
    assert "Φ" in words
    assert "box modes" in words


def test_the_panel_of_a_narrow_page_has_its_pictures_beside_the_numbers(browser, run):
    tab = browser.new_page(viewport={"width": 900, "height": 960})
    tab.goto((run / "report.html").as_uri())
    pictures = [svg.bounding_box() for svg in tab.locator("#trial svg").all()]
    numbers, letters = tab.locator("#trial table").bounding_box(), tab.locator("#trial svg text").first.bounding_box()
    tab.close()
    assert all(numbers["x"] + numbers["width"] <= box["x"] and box["x"] + box["width"] <= 900 for box in pictures)
    assert letters["height"] < 20  # drawn as wide as the page they are headlines


def test_the_cube_turns(page):
    canvas = _canvas(page, "[data-view=cube]")
    holder = page.locator("[data-view=cube]")
    box = canvas.bounding_box()
    before, angle = canvas.screenshot(), float(holder.get_attribute("data-azimuth"))
    places = page.evaluate("record.number.map((_, i) => views[0].place(i))")
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 170, steps=5)
    page.mouse.up()
    assert float(holder.get_attribute("data-azimuth")) != angle
    assert canvas.screenshot() != before
    after = page.evaluate("record.number.map((_, i) => views[0].place(i))")
    assert all(a[:2] != b[:2] for a, b in zip(places, after, strict=True))
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Home")
    assert float(holder.get_attribute("data-azimuth")) == angle


def test_dragging_along_an_axis_keeps_the_trials_inside(page, record):
    canvas = _canvas(page, "[data-view=parallel]")
    box = canvas.bounding_box()
    x, low, high = page.evaluate(
        "(() => { const v = views[views.length - 1]; return [v.axisX(0), v.axisY(0.5), v.axisY(1)]; })()"
    )
    page.mouse.move(box["x"] + x, box["y"] + low)
    page.mouse.down()
    page.mouse.move(box["x"] + x, box["y"] + high, steps=4)
    page.mouse.up()
    low_g, high_g = SMALL["scan"]["parameters"]["g"]
    inside = sum(trial.couplings["g"] >= 0.5 * (low_g + high_g) for trial in record.trials)
    assert f"{inside} of {len(record.trials)} trials" in page.locator("#chosen").inner_text()
    page.click("#clear")
    assert page.locator("#chosen").inner_text() == ""


def test_screenshots_and_paper(page):
    """The pictures that a person looks at, and the page as it is printed: more than the text alone on it."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / "report-light.png", full_page=True)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(200)
    page.screenshot(path=SHOTS / "report-dark.png")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(20, 24, 29)"
    page.set_viewport_size({"width": 420, "height": 900})
    page.wait_for_timeout(200)
    page.screenshot(path=SHOTS / "report-narrow.png")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 420  # nothing makes a phone scroll sideways
    page.set_viewport_size({"width": 1280, "height": 960})
    page.pdf(path=SHOTS / "report.pdf", format="A4", print_background=True)
    assert (SHOTS / "report.pdf").stat().st_size > 100_000


WRITTEN = """
  (() => {  // every text that is written on a canvas, as the corners of its box in pixels of the canvas
    window.written = [];
    const write = CanvasRenderingContext2D.prototype.fillText;
    CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
      const m = this.getTransform(), size = this.measureText(text), dots = window.devicePixelRatio;
      const [l, r] = [x - size.actualBoundingBoxLeft, x + size.actualBoundingBoxRight];
      const [t, b] = [y - size.actualBoundingBoxAscent, y + size.actualBoundingBoxDescent];
      const corners = [[l, t], [r, t], [r, b], [l, b]].map(
        ([u, v]) => [(m.a * u + m.c * v + m.e) / dots, (m.b * u + m.d * v + m.f) / dots]);
      window.written.push({ text, corners });
      write.call(this, text, x, y);
    };
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


@pytest.mark.parametrize("width", [360, 420, 1280])
def test_names_of_many_couplings_do_not_lie_on_one_another(browser, tmp_path, width):
    import optuna

    study = optuna.create_study(
        storage=f"sqlite:///{tmp_path / 'study.db'}", study_name="many", directions=["maximize"] * 3
    )
    objectives = ["fractal_score", "hierarchy", "regularity"]
    (tmp_path / "config.resolved.toml").write_text(tomli_w.dumps({"scan": {"objectives": objectives}}))
    names = ["g", "m0_squared", "norm", "g_yukawa", "lambda_1", "lambda_2", "beta"]
    for k in range(4):
        trial = study.ask()
        for name in names:
            trial.suggest_float(name, 0, 1)
        study.tell(trial, [k, 3 - k, 1.0 + k])
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.add_init_script(WRITTEN)
    tab.goto(write_report(tmp_path).as_uri())
    tab.evaluate("written.length = 0; views.at(-1).redraw()")
    words = {word for name in names + objectives for word in (name, name.replace("_", " "), *re.split("_| ", name))}
    words |= {f"{name.split('_')[0]}_" for name in names}
    found = [(t["text"], np.array(t["corners"])) for t in tab.evaluate("written") if t["text"] in words - {"1", "2"}]
    inside = tab.evaluate("[views.at(-1).width, views.at(-1).height]")
    tab.close()
    assert len(found) >= len(names) + len(objectives)
    for i, (name, box) in enumerate(found):
        assert ((box >= 0) & (box <= inside)).all(), f"{name} is cut off"
        assert [other for other, second in found[:i] if _overlap(box, second)] == [], f"{name} at {width} pixels"


def test_nothing_of_the_record_becomes_markup(browser, run, tmp_path):
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
    number, values = _shown(tab)
    assert number in (0, 1, 2)
    assert EVIL in values
    assert tab.locator("img[src=x]").count() == 0
    assert tab.locator("[onmouseover]").count() == 0
    assert EVIL in tab.locator("#trial").inner_text()
    tab.close()
    assert said == []
