"""Read the recorded page item by item, and the forms in which pages print periods, dates and names."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooks.errors import PageError
from hooks.page.dates import read_day
from hooks.page.normalized_text import lower_first, normalize, slug
from hooks.page.periods import NoEndError, Span, read_span
from hooks.page.published import PublishedController, SectionHeading
from hooks.page.reader import read_page
from hooks.page.vocabulary import CATEGORIES, PURPOSES, identify
from hooks.retention.clock import Period
from tests.unit.recorded_page import CLASSES, HTML, LINK, MODIFIED, page, put, retention

MAIL = "post@smartgroup.no"


def test_the_recorded_page_is_read() -> None:
    read = page()
    assert (read.last_updated, read.modified, read.link) == (date(2026, 1, 15), MODIFIED, LINK)
    assert read.unread == ()
    assert [place.number for place in read.sections] == list(range(1, 16))
    assert read.headings["retention"] == SectionHeading(11, "Retention")


def test_section_1_is_read() -> None:
    assert page().controller == PublishedController(
        name="SmartGroup AS",
        address="Fornebuveien 46, 1366 Lysaker, Norway",
        organisation_number="999 615 147",
        privacy_contact=MAIL,
        phone="+47 649 59 444",
        dpo="We have not appointed a DPO.",
        email=MAIL,
        support=MAIL,
        uk=True,
    )


@pytest.mark.parametrize(
    ("part", "ids"),
    [
        (
            "categories",
            "identity-contact account order-payment shipping support marketing technical",
        ),
        ("purposes", "run-and-secure orders customer-support accounting improve marketing"),
        ("bases", "contract legal-obligation legitimate-interests consent"),
        ("groups", "hosting payment carriers tools advisers"),
        ("recipients", "visa mastercard klarna american-express paypal ups dhl posten bring brevo"),
        ("safeguards", "eu-scc uk-idta"),
        (
            "classes",
            "orders-accounting customer-accounts support-requests marketing cookie-consent-logs",
        ),
    ],
)
def test_names_on_the_page(part: str, ids: str) -> None:
    assert [one.id for one in getattr(page(), part)] == ids.split()


def test_descriptions_on_the_page() -> None:
    published = page()
    assert published.categories[0].text == "name, email, phone number, address, country"
    assert published.categories[2].label == "Order & payment"
    assert published.bases[1].text == "accounting, tax, consumer law"
    assert published.groups[1].label == "Payment providers"
    assert {one.name: one.group for one in published.recipients}["American Express"] == "payment"
    assert (published.recipients[-1].name, published.recipients[-1].topic) == ("Brevo", "marketing")
    assert published.cookies == ("Necessary cookies", "Analytics cookies", "Marketing cookies")
    assert published.security[0] == "Encrypted connections (HTTPS)"
    assert (
        " ".join(published.rights)
        == "access rectification erasure restriction objection portability withdrawal"
    )
    assert published.authorities == ("datatilsynet", "ico")


def test_the_five_retention_classes() -> None:
    read = {one.label: (one.text, one.span) for one in page().classes}
    assert read == {
        "Orders and accounting": (CLASSES[0][1], Span(Period(years=5))),
        "Customer accounts": (CLASSES[1][1], Span(Period(months=24))),
        "Support requests": (CLASSES[2][1], Span(Period(months=36), Period(months=12))),
        "Marketing data": (CLASSES[3][1], Span(until="consent-withdrawn")),
        "Cookie consent logs": (CLASSES[4][1], Span(Period(months=24), Period(months=12))),
    }


@pytest.mark.parametrize(
    ("text", "keep", "review"),
    [
        ("5 years", "P5Y", None),
        ("typically 5 years as required by law", "P5Y", None),
        ("5 years (bokføringsloven § 13)", "P5Y", None),
        ("5 years, Art. 6(1)(c) GDPR", "P5Y", None),
        ("two years", "P2Y", None),
        ("to år", "P2Y", None),
        ("fem år", "P5Y", None),
        ("tolv måneder", "P12M", None),
        ("tjuefire måneder", "P24M", None),
        ("twenty four months", "P24M", None),
        ("eighteen months", "P18M", None),
        ("24 mnd", "P24M", None),
        ("24 md.", "P24M", None),
        ("a year", "P1Y", None),
        ("30 dager", "P30D", None),
        ("four weeks", "P28D", None),
        ("24 calendar months.", "P24M", None),
        ("A 24-month period", "P24M", None),
        ("up to 36 months", "P36M", None),  # the last day is definite
        ("inntil 36 måneder", "P36M", None),
        ("ikke lenger enn 36 måneder", "P36M", None),
        ("as long as the account is in use, then 24 months", "P24M", None),
        ("12–36 months", "P36M", "P12M"),
        ("12 months – 3 years", "P3Y", "P12M"),
        ("from 12 to 36 months", "P36M", "P12M"),
        ("between 12 and 36 months", "P36M", "P12M"),
        ("mellom 12 og 36 måneder", "P36M", "P12M"),
        ("12 til 36 måneder", "P36M", "P12M"),
        ("to til tre år", "P3Y", "P2Y"),
        ("twelve to twenty-four months", "P24M", "P12M"),
    ],
)
def test_periods_are_read(text: str, keep: str, review: str | None) -> None:
    assert read_span(text) == Span(
        Period.from_iso(keep), Period.from_iso(review) if review else None
    )


@pytest.mark.parametrize(
    "text",
    [
        "until you unsubscribe or withdraw consent",
        "until consent is withdrawn",
        "kept until you opt out of marketing",
        "inntil du trekker samtykket",
        "til du melder deg av",
        "frem til samtykket trekkes tilbake",
    ],
)
def test_period_until_withdrawal(text: str) -> None:
    assert read_span(text) == Span(until="consent-withdrawn")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no period"),
        ("for a while", "no period"),
        ("24", "no period"),
        ("1.5 years", "no period"),
        ("1,5 år", "no period"),
        ("1 000 days", "no period"),  # neither one day nor no day
        ("until you delete your account", "no period"),
        ("half a year", "“half”"),
        ("hundred and twenty months", "“hundred”"),
        ("24 months or longer", "“or longer”"),
        ("at least 5 years", "“at least”"),
        ("minst 5 år", "“minst”"),
        ("about 24 months", "“about”"),
        ("24 months, unless you object", "“unless”"),
        ("not 24 months", "“not”"),
        ("så lenge det er nødvendig", "“så lenge”"),
        ("0 months", "no length"),
        ("36–12 months", "ends before it begins"),
        ("12 and 36 months", "more than one number"),
        ("two or three years", "more than one number"),
        ("1 year and 6 months", "more than one period"),
        ("24 months, then 6 months in the archive", "more than one period"),
        ("until you withdraw consent, at most 24 months", "more than one period"),
        ("12 months from 2026", "no part of a period"),
        ("24 months until the account is closed", "which of them"),
        ("until you withdraw consent or move", "not one that is known"),
        ("5 years " + "x" * 500, "too long"),
    ],
)
def test_period_without_a_definite_end(text: str, why: str) -> None:
    with pytest.raises(NoEndError, match=why):
        read_span(text)


@given(st.integers(1, 99), st.sampled_from(["month", "year", "day", "week"]))
def test_any_number_keeps_its_value(number: int, unit: str) -> None:
    """The number is written in digits. No other number can result."""
    span = read_span(f"{number} {unit}s")
    assert span.keep == (
        Period(days=7 * number) if unit == "week" else Period(**{f"{unit}s": number})
    )


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_as_a_period(text: str) -> None:
    try:
        span = read_span(text)
    except NoEndError:
        return
    assert bool(span.keep) != bool(span.until)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("15.01.2026", date(2026, 1, 15)),
        ("15. 1. 2026", date(2026, 1, 15)),
        ("2026-01-15", date(2026, 1, 15)),
        ("15 January 2026", date(2026, 1, 15)),
        ("15th of January 2026", date(2026, 1, 15)),
        ("Jan. 15, 2026", date(2026, 1, 15)),
        ("15. januar 2026", date(2026, 1, 15)),
        ("1. mai 2026", date(2026, 5, 1)),
        ("3. des. 2026", date(2026, 12, 3)),
        ("15/01/2026", None),  # day or month first: in other dates of this form both are possible
        ("31.02.2026", None),
        ("15.01.2026, before that 01.01.2025", None),
        ("soon", None),
    ],
)
def test_dates_are_read(text: str, day: date | None) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize(
    ("text", "its_slug"),
    [
        ("Loyalty programme", "loyalty-programme"),
        ("Størrelser & mål", "storrelser-and-mal"),
        ("日本", "unnamed"),
    ],
)
def test_slugs_are_made(text: str, its_slug: str) -> None:
    assert slug(text) == its_slug


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Account data", "account"),
        ("Your account", "account"),
        ("Account and shipping data", None),  # of two kinds: neither
        ("Loyalty account points", None),
        ("Health data", None),
    ],
)
def test_labels_are_read(label: str, name: str | None) -> None:
    assert identify(label, CATEGORIES) == name


def test_a_purpose_that_matches_two_is_neither() -> None:
    assert identify("Improve our marketing", PURPOSES) is None


def test_text_of_markup() -> None:
    assert normalize("Order &\u00a0Payment\u200b — “Now”") == 'order and payment - "now"'
    assert (lower_first("While active"), lower_first("IP address"), lower_first("")) == (
        "while active",
        "IP address",
        "",
    )


def test_hidden_or_struck_out_text_is_not_read() -> None:
    html = put(HTML, "24 months of", "<del>24</del> 36 months<span hidden> or 9 years</span> of")
    html = put(
        html,
        "<li><strong>Support requests",
        '<li style="display: none">Loyalty: 1 year</li><li><strong>Support requests',
    )
    assert page(html).classes[1].span == Span(Period(months=36))
    assert len(page(html).classes) == 5


def test_too_deeply_nested_markup_is_refused() -> None:
    with pytest.raises(PageError, match="nested too deeply"):
        read_page("<div>" * 5000 + "text" + "</div>" * 5000)


@pytest.mark.parametrize(
    "html", ["", "text", "<p></p>", "<table></table><dl></dl><ul></ul>", "<h2>11. Retention</h2>"]
)
def test_a_nearly_empty_page(html: str) -> None:
    assert "The page has no section on legal bases." in read_page(html).unread


SPACES = ("", " ", "\n", "\t\n", "&nbsp;", "&#8203;", "<!-- x -->")
BOLD = ("{}", "<strong>{}</strong>", "<b>{}</b>", "<span>{}</span>", "<strong><em>{}</em></strong>")
DASHES = ("–", "-", "&ndash;", "&#8211;", "−", " – ", " to ")
SEPARATORS = (":", ": ", "&#58; ", " : ", " – ", " — ")
FORMS = ("<li>{}</li>", "<p>{}</p>", "<div>{}</div>", "{}<br>", "<li>{}<br></li>")


@st.composite
def written(draw: st.DrawFn) -> str:
    """A retention section with the content of the recorded page in other markup."""
    form = draw(st.sampled_from(FORMS))
    dash = draw(st.sampled_from(DASHES))
    lines = []
    for label, value in CLASSES:
        bold = draw(st.sampled_from(BOLD)).format(label)
        noise = draw(st.sampled_from(SPACES)), draw(st.sampled_from(SPACES))
        separator = draw(st.sampled_from(SEPARATORS))
        spaced = value.replace("–", dash).replace(
            " ", draw(st.sampled_from([" ", "\n  ", "&nbsp;", " &#8203;"]))
        )
        lines.append(form.format(f"{noise[0]}{bold}{noise[1]}{separator}{spaced}"))
    body = "\n".join(lines)
    return (
        f"<ul>{body}</ul>"
        if form.startswith("<li")
        else f"<p>{body}</p>"
        if form.endswith("<br>")
        else body
    )


@settings(max_examples=60)
@given(written())
def test_unrelated_markup_changes_nothing(body: str) -> None:
    read = read_page(retention(body))
    assert read.unread == ()
    assert [(one.id, one.span) for one in read.classes] == [
        (one.id, one.span) for one in page().classes
    ]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(HTML)),
            st.sampled_from(["</p>", "<li>", "<b>", "</ul>", "<td>", "&", "<"]),
        ),
        max_size=6,
    )
)
def test_broken_markup_is_read_or_reported(breaks: list[tuple[int, str]]) -> None:
    """Broken markup never gives a class a period that the page does not print for it."""
    html = HTML
    for position, tag in breaks:
        html = html[:position] + tag + html[position:]
    right = {one.id: one.span for one in page().classes if one.span}
    for one in read_page(html).classes:
        assert one.id not in right or one.span is None or one.span.same_as(right[one.id])


def test_each_class_may_have_its_own_form() -> None:
    parts = [
        form.format(f"{label}: {value}")
        for form, (label, value) in zip(FORMS, CLASSES, strict=True)
    ]
    assert [one.span for one in page(retention("\n".join(parts))).classes] == [
        one.span for one in page().classes
    ]
