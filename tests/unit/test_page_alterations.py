"""Alter the recorded page: each version is read correctly, or refused with a sentence on the unreadable part."""

from __future__ import annotations

import re
import tomllib

import pytest

from hooks.page import toml_writer
from hooks.page.draft import draft
from hooks.page.drift import drift
from hooks.retention.policy import Policy
from schemas.policy import read_policy
from tests.unit.recorded_page import CLASSES, HTML, each, page, put, retention, section

HEAD = '<h2 class="wp-block-heading"><strong>11. Retention</strong></h2>'
SUPPORT = "<li><strong>Support requests"
ACCOUNTS = "While active, then deleted after 24 months of inactivity"

NORWEGIAN_TITLES = {
    "1. Who we are": "1. Hvem vi er",
    "2. What personal data we collect": "2. Hvilke personopplysninger vi samler inn",
    "3. How we collect data": "3. Hvordan vi samler inn opplysninger",
    "4. Why we use personal data": "4. Hvorfor vi bruker personopplysninger",
    "5. Legal bases": "5. Rettslig grunnlag",
    "6. Marketing": "6. Markedsføring",
    "7. Cookies and tracking": "7. Informasjonskapsler og sporing",
    "8. Sharing of data": "8. Deling av opplysninger",
    "9. International transfers": "9. Overføring til utlandet",
    "10. Security": "10. Sikkerhet",
    "11. Retention": "11. Lagringstid",
    "12. Your rights": "12. Dine rettigheter",
    "13. Complaints": "13. Klage",
    "14. Children": "14. Barn",
    "15. Changes": "15. Endringer",
}
NORWEGIAN_WORDS = {
    "Last updated:": "Sist oppdatert:",
    "15.01.2026": "15. januar 2026",
    "<strong>Controller:": "<strong>Behandlingsansvarlig:",
    "<strong>Address:": "<strong>Adresse:",
    "Lysaker, Norway": "Lysaker, Norge",
    "Organisation number:": "Organisasjonsnummer:",
    "<strong>Email:": "<strong>E-post:",
    "<strong>Phone:": "<strong>Telefon:",
    "Privacy contact:": "Kontakt for personvern:",
    "<strong>DPO:": "<strong>Personvernombud:",
    "We have not appointed a DPO.": "Vi har ikke utnevnt personvernombud.",
    "Identity &amp; contact:": "Identitet og kontakt:",
    "Account data:": "Kontoopplysninger:",
    "Order &amp; payment:": "Bestilling og betaling:",
    "<strong>Shipping:": "<strong>Levering:",
    "Customer support:": "Kundestøtte:",
    "<strong>Marketing:": "<strong>Markedsføring:",
    "Technical data:": "Tekniske opplysninger:",
    "Run and secure our website and online store": "Drifte og sikre nettstedet og nettbutikken",
    "Process orders, payments, deliveries, returns, and warranty": "Behandle bestillinger, retur og garanti",
    "Provide customer support": "Gi kundeservice",
    "Comply with legal and accounting obligations": "Oppfylle lovpålagte plikter og regnskapsplikt",
    "Improve our website and services": "Forbedre nettstedet og tjenestene",
    "Send marketing communications where permitted": "Sende markedsføring der det er tillatt",
    "<strong>Contract</strong>": "<strong>Avtale</strong>",
    "<strong>Legal obligation</strong>": "<strong>Rettslig forpliktelse</strong>",
    "<strong>Legitimate interests</strong>": "<strong>Berettiget interesse</strong>",
    "<strong>Consent</strong>": "<strong>Samtykke</strong>",
    "Tools may include:": "Verktøy kan være:",
    "Website hosting and e-commerce providers": "Leverandører av webhotell og netthandel",
    "Payment providers (e.g. ": "Betalingsleverandører (f.eks. ",
    "Shipping and logistics partners (e.g. [": "Frakt- og logistikkpartnere (f.eks. [",
    "Email, analytics, and customer support tools": "Verktøy for e-post, analyse og kundestøtte",
    "Professional advisers and public authorities": "Rådgivere og offentlige myndigheter",
    "EU Standard Contractual Clauses (SCCs)": "EUs standardavtaler (SCC)",
    "UK transfer addendum / IDTA": "Britisk tillegg / IDTA",
    "Orders and accounting:": "Ordrer og regnskap:",
    "typically 5 years as required by law": "vanligvis fem år, som loven krever",
    "Customer accounts:": "Kundekontoer:",
    ACCOUNTS: "Så lenge kontoen er aktiv, deretter slettet etter 24 måneder uten aktivitet",
    "Support requests:": "Henvendelser til kundeservice:",
    "12–36 months": "mellom 12 og 36 måneder",
    "Marketing data:": "Markedsføring:",
    "until you unsubscribe or withdraw consent": "inntil du melder deg av eller trekker samtykket",
    "Cookie consent logs:": "Logger over samtykke til informasjonskapsler:",
    "12–24 months": "12 til 24 md.",
}


def norwegian(html: str, *vocabularies: dict[str, str]) -> str:
    for words in vocabularies:
        for english, its_norwegian in words.items():
            html = put(html, english, its_norwegian)
    return html


def moved(html: str, title: str, before: str) -> str:
    part = section(title)
    return put(put(html, part, ""), section(before), part + section(before))


def unnumbered(html: str) -> str:
    return re.sub(r"<strong>\d+\. ", "<strong>", html)


def listed(form: str) -> str:
    """The page with its five classes as items of a list, each in this form."""
    return retention(f"<ul>{each(form)}</ul>")


def before_support(html: str) -> str:
    return put(HTML, SUPPORT, html + SUPPORT)


def item(label: str, value: str) -> str:
    return f"<li><strong>{label}:</strong> {value}<br></li>"


READ: dict[str, tuple[str, list[str]]] = {
    "nothing altered": (HTML, []),
    # periods in other words
    "another period": (
        put(HTML, "24 months of", "36 months of"),
        [
            "Section 11: customer accounts are kept 36 months on the page, "
            "24 months in the policy (class customer-accounts)."
        ],
    ),
    "another range": (
        put(HTML, "12–36 months", "6–36 months"),
        [
            "Section 11: support requests are kept six months to 36 months on the page, "
            "twelve months to 36 months in the policy (class support-requests)."
        ],
    ),
    "a range became one period": (
        put(HTML, "12–36 months", "36 months"),
        [
            "Section 11: support requests are kept 36 months on the page, "
            "twelve months to 36 months in the policy (class support-requests)."
        ],
    ),
    "an event became a period": (
        put(HTML, "until you unsubscribe or withdraw consent", "2 years"),
        [
            "Section 11: marketing data are kept two years on the page, "
            "until consent is withdrawn in the policy (class marketing)."
        ],
    ),
    "years in words": (put(HTML, "24 months of", "two years of"), []),
    "years in digits": (put(HTML, "24 months of", "2 years of"), []),
    "months in words": (put(HTML, "24 months of", "twenty-four months of"), []),
    "short Norwegian months": (put(HTML, "12–24 months", "12–24 mnd"), []),
    "en dash to hyphen": (put(HTML, "–36", "-36"), []),
    "en dash to minus": (put(HTML, "–36", "−36"), []),
    "spaces around the dash": (put(HTML, "12–36", "12 – 36"), []),
    "en dash to 'to'": (put(HTML, "12–36", "12 to 36"), []),
    "between": (put(HTML, "12–36", "between 12 and 36"), []),
    "range in years": (put(HTML, "12–36 months", "1–3 years"), []),
    "at most": (put(HTML, "24 months of", "no more than 24 months of"), []),
    # characters
    "entities for dashes": (put(HTML, "–", "&#8211;"), []),
    "named entities": (put(put(HTML, "–", "&ndash;"), "5 years", "5&nbsp;years"), []),
    "entities for ampersands": (put(HTML, "&amp;", "&#038;"), []),
    "and for ampersands": (put(HTML, "&amp;", "and"), []),
    "hard spaces everywhere": (re.sub(r"(?<=[a-z0-9]) (?=[a-z0-9])(?![^<]*>)", "\u00a0", HTML), []),
    "soft hyphens and zero-width spaces": (
        put(
            put(HTML, "Customer accounts", "Cus\u00adtomer ac\u200bcounts"),
            "24 months",
            "24\u200b months",
        ),
        [],
    ),
    "curly to straight": (HTML.replace("“", '"').replace("”", '"').replace("’", "'"), []),
    # classes
    "a class removed": (
        put(HTML, item("Cookie consent logs", "12–24 months"), ""),
        [
            "Section 11: the policy keeps “Cookie consent logs: 12–24 months” (cookie-consent-logs); "
            "the page does not name it."
        ],
    ),
    "a class added": (
        before_support(item("Loyalty programme", "24 months")),
        [
            "Section 11: the page has the retention class “Loyalty programme” (loyalty-programme), kept 24 months; "
            "the policy does not."
        ],
    ),
    "a class that was the operator's own": (
        before_support(item("Unpaid orders", "1 year")),
        [],
    ),
    "classes in another order": (
        retention("<ul>" + each("<li>{label}: {value}</li>", CLASSES[::-1]) + "</ul>"),
        [],
    ),
    # order and titles of sections
    "sections in another order": (
        moved(HTML, "11. Retention", "2. What personal data we collect"),
        [],
    ),
    "sections renumbered": (
        put(
            put(moved(HTML, "11. Retention", "10. Security"), ">10. Security", ">11. Security"),
            ">11. R",
            ">10. R",
        ),
        [],
    ),
    "Norwegian titles": (norwegian(HTML, NORWEGIAN_TITLES), []),
    "Norwegian altogether": (norwegian(HTML, NORWEGIAN_TITLES, NORWEGIAN_WORDS), []),
    "titles in capitals": (
        re.sub(r"(<h2[^>]*><strong>)([^<]*)", lambda found: found[1] + found[2].upper(), HTML),
        [],
    ),
    "other titles": (
        put(
            put(HTML, "11. Retention", "11. How long we keep data"),
            "8. Sharing of data",
            "8. Who receives data",
        ),
        [],
    ),
    "a heading without its number": (put(HTML, "11. Retention", "Retention"), []),
    "no heading numbered": (unnumbered(HTML), []),
    "all h2 are h3": (HTML.replace("<h2", "<h3").replace("</h2>", "</h3>"), []),
    "one h2 is h3": (put(HTML, HEAD, "<h3>11. Retention</h3>"), []),
    "one h2 is h4": (put(HTML, HEAD, "<h4>11. Retention</h4>"), []),
    "an h2 lost, bold": (put(HTML, HEAD, "<p><strong>11. Retention</strong></p>"), []),
    "an h2 lost, plain": (put(HTML, HEAD, "<p>11. Retention</p>"), []),
    "an h2 lost, no paragraph": (put(HTML, HEAD, "<strong>11. Retention</strong>"), []),
    "an h2 lost, nothing numbered": (
        put(unnumbered(HTML), unnumbered(HEAD), "<p><b>Retention</b></p>"),
        [],
    ),
    # other markup
    "a table": (
        retention("<table>" + each("<tr><td>{label}</td><td>{value}</td></tr>") + "</table>"),
        [],
    ),
    "a table with a heading": (
        retention(
            "<figure class='wp-block-table'><table><thead><tr><th>Data</th><th>How long</th></tr></thead><tbody>"
            + each("<tr><td><strong>{label}</strong></td><td>{value}</td></tr>")
            + "</tbody></table></figure>"
        ),
        [],
    ),
    "a table with row headings": (
        retention(
            "<table><tr><td>Category</td><td>Retention period</td></tr>"
            + each("<tr><th>{label}</th><td>{value}</td></tr>")
            + "</table>"
        ),
        [],
    ),
    "nested, under one item": (
        retention(f"<ul><li>We keep:<ul>{each(item('{label}', '{value}'))}</ul></li></ul>"),
        [],
    ),
    "nested, each under its label": (listed("<li>{label}<ul><li>{value}</li></ul></li>"), []),
    "nested, each under its bold label": (
        listed("<li><b>{label}:</b><ol><li>{value}</li></ol></li>"),
        [],
    ),
    "items never closed": (listed("<li><strong>{label}:</strong> {value}"), []),
    "paragraphs within items": (listed("<li><p>{label}:</p><p>{value}</p></li>"), []),
    "a heading for each class": (retention(each("<h3>{label}</h3><p>{value}</p>")), []),
    "a list of definitions": (
        retention("<dl>" + each("<dt>{label}</dt><dd>{value}</dd>") + "</dl>"),
        [],
    ),
    "a paragraph for each class": (retention(each("<p>{label}: {value}</p>")), []),
    "a bold paragraph above each": (
        retention(each("<p><strong>{label}</strong></p><p>{value}</p>")),
        [],
    ),
    "lines of one paragraph": (
        retention("<p>" + each("<strong>{label}:</strong> {value}<br>") + "</p>"),
        [],
    ),
    "plain lines of one paragraph": (retention("<p>" + each("{label}: {value}<br/>") + "</p>"), []),
    "sentences": (
        retention(
            "<p>"
            + each("{label} are kept {value}.<br>").replace("kept While", "kept while")
            + "</p>"
        ),
        [],
    ),
    "bold gone": (re.sub(r"</?(strong|em)>", "", HTML), []),
    "bold and colon gone": (listed("<li>{label} {value}</li>"), []),
    "a dash for the colon": (listed("<li>{label} – {value}</li>"), []),
    "the colon outside the bold": (listed("<li><b>{label}</b> : {value}</li>"), []),
    "all of it bold": (listed("<li><b>{label}: {value}</b></li>"), []),
    "bold in odd places": (
        put(
            HTML,
            "<strong>Customer accounts:</strong> While",
            "<strong>Cus</strong>tomer <b>accounts: While</b>",
        ),
        [],
    ),
    "bold by style": (
        put(HTML, HEAD, '<p><span style="font-weight:700">11. Retention</span></p>'),
        [],
    ),
    "divs for paragraphs": (HTML.replace("<p>", "<div>").replace("</p>", "</div>"), []),
    "Gutenberg's comments": (
        put(put(HTML, "<ul", "<!-- wp:list -->\n<ul"), "<li>", "<!-- wp:list-item {} --><li>"),
        [],
    ),
    "a whole page with menu and footer": (
        "<!doctype html><html><head><title>Privacy</title><style>p{}</style></head><body>"
        "<header><nav><ul><li>Orders: 3 years</li></ul></nav></header><main><h1>Privacy Policy – SmartGroup AS</h1>"
        f"{HTML}</main><footer><h2>Contact</h2><p>Customer accounts: 7 years</p></footer></body></html>",
        [],
    ),
    "inline tags around all of it": (f"<span><b></b>{HTML}</span>", []),
    "a list of whole sections": (f"<ol><li>{HTML}</li></ol>", []),
    "numbers of parts": (retention(each("<h3>11.1 {label}</h3><p>{value}</p>")), []),
    "a list of links above": ("<ul><li>1. Who we are</li><li>11. Retention</li></ul>" + HTML, []),
    "what fills the gaps": (
        put(
            HTML,
            SUPPORT,
            "<li>The 5 years are counted from the end of the accounting year.</li>"
            "<li>Activity means signing up, logging in, or placing an order.</li>" + SUPPORT,
        ),
        [],
    ),
    "more after the names": (
        put(
            HTML,
            "Klarna / American Express/ PayPal</strong>)",
            "Klarna / American Express / PayPal</strong>) and banks",
        ),
        [],
    ),
    # the other sections
    "a source that is another one": (
        put(HTML, "Automatically (cookies", "By magic (cookies"),
        [
            "Section 3: the page names the source of data “By magic (cookies and similar technologies)” "
            "(by-magic), the policy does not.",
            "Section 3: the policy has the source of data “Automatically (cookies and similar technologies)” "
            "(automatic), the page does not.",
        ],
    ),
    "a source named twice": (
        put(HTML, "<li>Automatically (cookies", "<li>Automatically</li><li>Automatically (cookies"),
        [
            "Section 3: the page names the source of data “Automatically (cookies and similar technologies)” "
            "(automatically-cookies-and-similar-technologies), the policy does not.",
        ],
    ),
    "another age of children": (
        put(HTML, "<strong>13</strong> without", "<strong>16</strong> without"),
        ["Section 14: the age of children is 16 on the page, 13 in the policy."],
    ),
    "no section on children": (
        put(HTML, section("14. Children"), ""),
        ["The section on children: the policy has an age of children, 13; the page names none."],
    ),
    "an authority gone": (
        put(
            HTML,
            "<strong>UK Information Commissioner’s Office (ICO)</strong> if UK GDPR applies",
            "Your own one",
        ),
        [
            "Section 13: the policy has the supervisory authority “UK Information Commissioner’s Office (ICO)” (ico), "
            "the page does not."
        ],
    ),
    "a basis removed": (
        re.sub(r"<li><strong>Legitimate interests.*?</li>", "", HTML, flags=re.DOTALL),
        [
            "Section 5: the policy has the legal basis “Legitimate interests” "
            "(legitimate-interests), the page does not."
        ],
    ),
    "a basis added": (
        put(
            HTML,
            "<li><strong>Consent</strong>",
            "<li>Vital interests – safety</li><li><strong>Consent</strong>",
        ),
        [
            "Section 5: the page names the legal basis “Vital interests” (vital-interests), the policy does not."
        ],
    ),
    "bases with their articles": (
        put(HTML, ">Contract</strong>", ">Contract (GDPR Art. 6(1)(b))</strong>"),
        [],
    ),
    "a category added": (
        put(
            HTML,
            "<li><strong>Shipping:",
            "<li><strong>Health data:</strong> allergies</li><li><strong>Shipping:",
        ),
        [
            "Section 2: the page names the data category “Health data” (health-data), the policy does not."
        ],
    ),
    "a purpose removed": (
        put(HTML, "<li>Improve our website and services<br></li>", ""),
        [
            "Section 4: the policy has the purpose “Improve our website and services” (improve), the page does not."
        ],
    ),
    "a safeguard removed": (
        put(HTML, "<li>UK transfer addendum / IDTA (where applicable)<br></li>", ""),
        [
            "Section 9: the policy has the safeguard “UK transfer addendum / IDTA (where applicable)” (uk-idta), "
            "the page does not."
        ],
    ),
    "a recipient added, another gone": (
        put(HTML, "Klarna", "Adyen"),
        [
            "Section 8: the page names the recipient “Adyen”, the policy does not.",
            "Section 8: the policy has the recipient “Klarna”, the page does not name it.",
        ],
    ),
    "a group of recipients gone": (
        put(HTML, "<li>Email, analytics, and customer support tools<br></li>", ""),
        [
            "Section 8: the policy has the group of recipients “Email, analytics, and customer support tools” (tools), "
            "the page does not."
        ],
    ),
    "recipients after a colon": (
        put(
            HTML,
            "Shipping and logistics partners (e.g. [UPS / DHL / Posten / Bring])",
            "Shipping and logistics partners: UPS, DHL, Posten and Bring",
        ),
        [],
    ),
    "recipients in a nested list": (
        put(
            HTML,
            "partners (e.g. [UPS / DHL / Posten / Bring])",
            "partners<ul><li>UPS</li><li>DHL</li><li>Posten</li><li>Bring</li></ul>",
        ),
        [],
    ),
    "another tool": (
        put(HTML, "<strong>Brevo</strong>", "Mailchimp"),
        [
            "Section 6: the page names the recipient “Mailchimp”, the policy does not.",
            "Section 6: the policy has the recipient “Brevo”, the page does not name it.",
        ],
    ),
    "a tool in a sentence": (
        put(HTML, "Tools may include: <strong>Brevo</strong>", "We send them with Brevo."),
        [],
    ),
    "another address": (
        put(HTML, "Fornebuveien 46", "Storgata 1"),
        [
            "Section 1: its address is “Storgata 1, 1366 Lysaker, Norway” on the page, "
            "“Fornebuveien 46, 1366 Lysaker, Norway” in the policy."
        ],
    ),
    "another officer": (
        put(HTML, "We have not appointed a DPO.", "Kari Nordmann"),
        [
            "Section 1: its data protection officer is “Kari Nordmann” on the page, "
            "“We have not appointed a DPO.” in the policy."
        ],
    ),
    "the phone gone": (
        put(HTML, "<br><strong>Phone:</strong> +47 649 59 444", ""),
        ["Section 1: its phone number is not on the page, “+47 649 59 444” in the policy."],
    ),
    "phone and number grouped otherwise": (
        put(put(HTML, "649 59 444", "64 95 94 44"), "999 615 147", "999615147"),
        [],
    ),
    "no UK any more": (
        HTML.replace("UK GDPR", "other law"),
        ["Section 1: the policy says that UK GDPR may apply, the page does not."],
    ),
    "another day": (
        put(HTML, "15.01.2026", "27 April 2026"),
        ["The page was last updated on 2026-04-27, as it prints; the policy has 2026-01-15."],
    ),
    "the day in ISO": (put(HTML, "15.01.2026", "2026-01-15"), []),
    "the day in words": (put(HTML, "15.01.2026", "January 15th, 2026"), []),
}

REFUSED: dict[str, tuple[str, list[str]]] = {
    "two periods": (
        put(HTML, "24 months of inactivity", "24 months or 36 months"),
        [
            "Section 11, “Customer accounts: While active, then deleted after 24 months or 36 months”: "
            "more than one period or end is named, and they are no range."
        ],
    ),
    "two numbers": (
        put(HTML, "12–36 months", "12 or 36 months"),
        [
            "Section 11, “Support requests: 12 or 36 months”: more than one number is named, and they are no range."
        ],
    ),
    "as long as needed": (
        put(HTML, "12–36 months", "for as long as needed"),
        [
            "Section 11, “Support requests: for as long as needed”: "
            "it says “as long as”, so that its end cannot be told."
        ],
    ),
    "no period": (
        put(HTML, "12–36 months", "for a while"),
        ["Section 11, “Support requests: for a while”: no period could be read."],
    ),
    "an open end": (
        put(HTML, "typically 5 years as required by law", "at least 5 years"),
        [
            "Section 11, “Orders and accounting: at least 5 years”: it says “at least”, so that its end cannot be told."
        ],
    ),
    "an unknown event": (
        put(
            HTML, "until you unsubscribe or withdraw consent", "until you withdraw consent or move"
        ),
        [
            "Section 11, “Marketing data: until you withdraw consent or move”: "
            "the event that ends it is not one that is known."
        ],
    ),
    "a new class without a period": (
        before_support(item("Loyalty data", "for a while")),
        [
            "Section 11: the page has the retention class “Loyalty data” (loyalty-data); the policy does not.",
            "Section 11, “Loyalty data: for a while”: no period could be read.",
        ],
    ),
    "a class twice": (
        before_support(item("Your account", "36 months")),
        [
            "Section 11: “Customer accounts” and “Your account” are both taken for class customer-accounts."
        ],
    ),
    "a period without a label": (  # support requests are not reported as removed: the line may be about them
        put(HTML, item("Support requests", "12–36 months"), "<li>12–36 months</li>"),
        ["Section 11, “12–36 months”: what is kept for how long could not be read."],
    ),
    "all classes in one line": (
        retention("<p>Orders: 5 years; accounts: 24 months; support: 12–36 months</p>"),
        [
            "Section 11, “Orders: 5 years; accounts: 24 months; support: 12–36 months”: "
            "more than one period or end is named, and they are no range."
        ],
    ),
    "recipients in prose": (
        put(
            HTML,
            section("8. Sharing of data"),
            "<h2>8. Sharing of data</h2><p>We share with those who need it.</p>",
        ),
        ["Section 8: no group of recipients could be read."],
    ),
    "two days": (
        put(HTML, "<p><strong>Last", "<p>Last updated: 01.01.2026</p><p><strong>Last"),
        ["“Last updated: 01.01.2026”: no date could be read."],
    ),
    "an empty section on retention": (
        retention(""),
        ["Section 11: no retention class could be read."],
    ),
    "retention in prose": (
        retention(
            "<p>We keep personal data only as long as necessary, in any case no longer than 10 years.</p>"
        ),
        [
            "Section 11, “We keep personal data only as long as necessary, in any case no longer than 10 years.”: "
            "what is kept for how long could not be read.",
            "Section 11: no retention class could be read.",
        ],
    ),
    "no section on retention": (
        put(HTML, section("11. Retention"), ""),
        ["The page has no section on retention."],
    ),
    "no section on bases": (
        put(HTML, section("5. Legal bases"), ""),
        ["The page has no section on legal bases."],
    ),
    "no section on transfers": (
        put(HTML, section("9. International transfers"), ""),
        ["The page has no section on international transfers."],
    ),
    "bases in prose": (
        put(
            HTML,
            section("5. Legal bases"),
            "<h2>5. Legal bases</h2><p>We use contract, law and consent.</p>",
        ),
        ["Section 5: no legal basis could be read."],
    ),
    "a title of another meaning": (
        put(HTML, "11. Retention", "11. Archive"),
        [
            "Section 11, “Archive”: what it is about is not known.",
            "The page has no section on retention.",
        ],
    ),
    "a new section": (
        HTML + "<h2>16. Competitions</h2><p>We may run competitions.</p>",
        ["Section 16, “Competitions”: what it is about is not known."],
    ),
    "no date": (
        put(HTML, "<p><strong>Last updated:</strong> 15.01.2026</p>", ""),
        ["The page does not print when it was last updated."],
    ),
    "a date of either month": (
        put(HTML, "15.01.2026", "02/01/2026"),
        ["“Last updated: 02/01/2026”: no date could be read."],
    ),
    "no organisation number": (
        put(HTML, "<br><strong>Organisation number:</strong> 999 615 147", ""),
        ["Section 1: its organisation number could not be read."],
    ),
}


def told(html: str, policy: Policy) -> list[str]:
    return [one.message for one in drift(page(html), policy) if one.severity == "drift"]


@pytest.mark.parametrize(("html", "expected"), READ.values(), ids=READ.keys())
def test_an_altered_page_is_read_correctly(html: str, expected: list[str], policy: Policy) -> None:
    assert page(html).unread == ()
    assert told(html, policy) == expected


@pytest.mark.parametrize(("html", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_an_unreadable_page_is_refused(html: str, expected: list[str], policy: Policy) -> None:
    assert told(html, policy) == expected
    assert set(page(html).unread) <= set(expected)
    assert page(html).unread


@pytest.mark.parametrize(
    "html", [html for html, _ in [*READ.values(), *REFUSED.values()]], ids=[*READ, *REFUSED]
)
def test_a_draft_of_an_altered_page(html: str) -> None:
    """A draft without questions can be activated and says what the page says. A draft with questions is valid TOML."""
    text = draft(page(html))
    tomllib.loads(text)
    if not toml_writer.questions(text):
        assert told(html, read_policy(text, "the draft")) == []
    for sentence in page(html).unread:
        assert any(sentence in question for question in toml_writer.questions(text))
