"""The letter's sentences about the data held, their recipients and erased records: in English and Norwegian bokmål."""

from __future__ import annotations

LETTER_STRINGS: dict[str, tuple[str, str]] = {
    # what is held
    "held": ("What we hold", "Hva vi oppbevarer"),
    "nothing": ("Nothing that can be listed here.", "Ingenting som kan føres opp her."),
    "record.customer": ("Your account (customer {name})", "Kontoen din (kunde {name})"),
    "record.order": ("Order {name}", "Ordre {name}"),
    "record.support-request": (
        "Request to customer support {name}",
        "Henvendelse til kundeservice {name}",
    ),
    "record.marketing-consent": (
        "Consent to marketing {name}",
        "Samtykke til markedsføring {name}",
    ),
    "record.cookie-consent": ("Choice of cookies {name}", "Valg av informasjonskapsler {name}"),
    "state.trashed": (
        "It is in the bin of our shop; the dates below still apply.",
        "Den ligger i papirkurven i nettbutikken vår; datoene nedenfor gjelder fortsatt.",
    ),
    "state.erased": (
        "Erased on {day}; the erasure left this behind:",
        "Slettet {day}; dette ble igjen etter slettingen:",
    ),
    "in-question": (
        "We are still checking this with our shop, and the information here may change.",
        "Vi kontrollerer fortsatt dette i nettbutikken vår, og opplysningene her kan bli endret.",
    ),
    "why": ("Why: {purpose}", "Formål: {purpose}"),
    "basis": ("Basis: {basis} ({article})", "Grunnlag: {basis} ({article})"),
    "class": ("Retention: {rule}", "Oppbevaringsregel: {rule}"),
    "kept": ("Kept: {until}", "Oppbevares: {until}"),
    "stays": ("Must stay: {reasons}", "Må beholdes: {reasons}"),
    "rights": ("Rights: {rights}", "Rettigheter: {rights}"),
    "undecided": (
        "We have still to decide whether you also have these: {rights}",
        "Om du også har disse, må fortsatt avgjøres: {rights}",
    ),
    # until when
    "until.day": ("until {day} at the latest", "senest til {day}"),
    "until.range": (
        "we may erase it from {review} on, and keep it until {day} at the latest",
        "kan slettes fra {review}, og oppbevares senest til {day}",
    ),
    "until.overdue": (
        "it was to be kept until {day} at the latest, and we must now erase it",
        "skulle oppbevares senest til {day}, og skal nå slettes",
    ),
    "until.consent-withdrawn": (
        "until you withdraw your consent",
        "til du trekker samtykket ditt tilbake",
    ),
    "until.requested": (
        "until {day} at the latest, because of your request or objection of {asked} ({article})",
        "senest til {day}, på grunn av anmodningen eller protesten din fra {asked} ({article})",
    ),
    "until.order-closed": (
        "until your order is closed and the 14 days in which you may withdraw from it are over, because you asked for "
        "its erasure",
        "til ordren din er avsluttet og angrefristen på 14 dager er over, fordi du har bedt om sletting",
    ),
    "until.hold": (
        "for as long as it is on hold (otherwise: {otherwise})",
        "så lenge det er sperret for sletting (ellers: {otherwise})",
    ),
    "until.restriction": (
        "for as long as its processing is restricted, which it has been since {day}; until the restriction ends we "
        "only store it, unless you consent to another use or the law allows it ({article}) (otherwise: {otherwise})",
        "så lenge behandlingen er begrenset, slik den er siden {day}; imens gjør vi ikke mer enn å lagre det, med "
        "mindre du samtykker eller loven tillater det ({article}) (ellers: {otherwise})",
    ),
    # why it must stay
    "stay.law": (
        "a legal obligation requires us to keep it until {day} ({law}); there is no right to erasure before then "
        "({article})",
        "en rettslig forpliktelse krever at vi oppbevarer det til {day} ({law}); det er ingen rett til sletting før "
        "det ({article})",
    ),
    "stay.law-open": (
        "a legal obligation requires us to keep it ({law}); there is no right to erasure meanwhile ({article})",
        "en rettslig forpliktelse krever at vi oppbevarer det ({law}); det er ingen rett til sletting så lenge "
        "({article})",
    ),
    "stay.proof": (
        "it is kept as proof, until {day} at the longest, to establish, exercise or defend legal claims; there is no "
        "right to erasure before then ({article})",
        "det oppbevares som bevis, lengst til {day}, for å fastsette, gjøre gjeldende eller forsvare rettskrav; det er "
        "ingen rett til sletting før det ({article})",
    ),
    "stay.for-claims": (
        "it has been on hold since {day}, because it may be needed to establish, exercise or defend legal claims; "
        "there is no right to erasure until the hold is lifted ({article})",
        "det har vært sperret for sletting siden {day}, fordi det kan trengs for å fastsette, gjøre gjeldende eller "
        "forsvare rettskrav; det er ingen rett til sletting før sperren oppheves ({article})",
    ),
    "stay.by-law": (
        "it has been on hold since {day}, because a legal obligation requires it; there is no right to erasure until "
        "the hold is lifted ({article})",
        "det har vært sperret for sletting siden {day}, fordi en rettslig forpliktelse krever det; det er ingen rett "
        "til sletting før sperren oppheves ({article})",
    ),
    "stay.review": ("; we review the hold on {day}", "; vi vurderer sperren på nytt {day}"),
    # where it comes from
    "sources": ("Where your data come from", "Hvor opplysningene dine kommer fra"),
    "sources.from": ("{data}: {sources}", "{data}: {sources}"),
    "sources.unsaid": (
        "{data}: our privacy policy does not say where they come from; ask us.",
        "{data}: Personvernerklæringen vår sier ikke hvor opplysningene kommer fra; spør oss.",
    ),
    "sources.article": (
        "Our privacy policy says this for each kind of data ({article}); our records do not say it for each order.",
        "Personvernerklæringen vår sier dette om hver type opplysninger ({article}); det fremgår ikke hos oss for den "
        "enkelte ordren.",
    ),
    "children": (
        "Our services are not intended for children under {age} without parental involvement.",
        "Tjenestene våre er ikke ment for barn under {age} år uten at foreldrene er involvert.",
    ),
    "children.orders-only": (
        "We do not knowingly collect personal data from children beyond what is necessary to fulfil an order.",
        "Vi samler ikke bevisst inn personopplysninger fra barn utover det som er nødvendig for å oppfylle en ordre.",
    ),
    # who received it
    "received": ("Who has received your data", "Hvem som har mottatt opplysningene dine"),
    "received.nobody": (
        "Nobody else, as far as our records show.",
        "Ingen andre, så langt det fremgår hos oss.",
    ),
    "received.one-of": (
        "At least one of these; our records do not show which: {names}",
        "Minst én av disse; det fremgår ikke hos oss hvilken: {names}",
    ),
    "received.data": ("Data: {data}", "Opplysninger: {data}"),
    "received.from": ("Concerns: {records}", "Gjelder: {records}"),
    "received.from-all": ("Concerns: all of the above", "Gjelder: alt ovenfor"),
    "received.outside": (
        "May process data outside the EEA and the UK, under: {safeguards}",
        "Kan behandle opplysninger utenfor EØS og Storbritannia, med disse garantiene: {safeguards}",
    ),
    "received.unpublished": (
        "Our privacy policy does not name this recipient.",
        "Personvernerklæringen vår nevner ikke denne mottakeren.",
    ),
    "received.unnamed-payment": (
        "Our records do not show who gets data through the payment method “{way}” ({records}); ask us.",
        "Det fremgår ikke hos oss hvem som får opplysninger ved betalingsmåten «{way}» ({records}); spør oss.",
    ),
    "received.unnamed-shipping": (
        "Our records do not show who gets data through the delivery method “{way}” ({records}); ask us.",
        "Det fremgår ikke hos oss hvem som får opplysninger ved leveringsmåten «{way}» ({records}); spør oss.",
    ),
    "received.where-required": (
        "Only where the law requires it, and therefore not recorded here: {names}",
        "Bare der loven krever det, og derfor ikke registrert her: {names}",
    ),
    "received.told": (
        "When we rectify, erase or restrict data, we tell those who have received them, unless that is impossible or "
        "would take a disproportionate effort ({article}).",
        "Når vi retter, sletter eller begrenser opplysninger, sier vi fra til dem som har mottatt dem, med mindre det "
        "er umulig eller ville kreve en uforholdsmessig stor innsats ({article}).",
    ),
    # what is gone
    "closed": ("What has been erased", "Hva som er slettet"),
    "closed.erased": ("{record}: erased on {day}", "{record}: slettet {day}"),
    "closed.gone": (
        "{record}: no longer in our shop, as we learnt on {day}",
        "{record}: ikke lenger i nettbutikken vår; det ble vi kjent med {day}",
    ),
    "closed.undated": (
        "{record}: no longer in our shop",
        "{record}: ikke lenger i nettbutikken vår",
    ),
}
