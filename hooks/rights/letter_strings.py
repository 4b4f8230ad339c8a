"""The sentences about what is held, until when and why, who got it and what is gone: English, and Norwegian bokmål."""

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
        "It is in the bin of our shop; the dates below stand.",
        "Den ligger i papirkurven i nettbutikken vår; datoene nedenfor gjelder.",
    ),
    "state.erased": (
        "Erased on {day}; what the erasure left behind is:",
        "Slettet {day}; dette ble igjen etter slettingen:",
    ),
    "in-question": (
        "We are still checking this with our shop, and what is said here may change.",
        "Vi kontrollerer fortsatt dette i nettbutikken vår, og det som står her, kan bli endret.",
    ),
    "why": ("Why: {purpose}", "Formål: {purpose}"),
    "basis": ("Basis: {basis} ({article})", "Grunnlag: {basis} ({article})"),
    "class": ("Retention: {rule}", "Oppbevaringsregel: {rule}"),
    "kept": ("Kept: {until}", "Oppbevares: {until}"),
    "stays": ("Must stay: {reasons}", "Må beholdes: {reasons}"),
    "rights": ("Rights: {rights}", "Rettigheter: {rights}"),
    "undecided": (
        "Whether you also have these is still to be decided: {rights}",
        "Om du også har disse, må fortsatt avgjøres: {rights}",
    ),
    # until when
    "until.day": ("until {day} at the latest", "senest til {day}"),
    "until.range": (
        "it may go from {review} on, and must be gone after {day}",
        "kan slettes fra {review}, og skal være slettet etter {day}",
    ),
    "until.overdue": (
        "it was to be kept until {day} at the latest, and is due to be erased",
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
        "until your order is closed and the 14 days in which you may withdraw from it are over, as you asked for its "
        "erasure",
        "til ordren din er avsluttet og angrefristen på 14 dager er over; du har bedt om sletting",
    ),
    "until.hold": (
        "for as long as it is on hold (otherwise: {otherwise})",
        "så lenge det er sperret for sletting (ellers: {otherwise})",
    ),
    "until.restriction": (
        "for as long as its processing is restricted, as it is since {day}; meanwhile we do no more than store it, "
        "unless you consent or the law allows it ({article}) (otherwise: {otherwise})",
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
        "it has been on hold since {day}, as it may be needed to establish, exercise or defend legal claims; there is "
        "no right to erasure until the hold is lifted ({article})",
        "det har vært sperret for sletting siden {day}, fordi det kan trengs for å fastsette, gjøre gjeldende eller "
        "forsvare rettskrav; det er ingen rett til sletting før sperren oppheves ({article})",
    ),
    "stay.by-law": (
        "it has been on hold since {day}, as a legal obligation demands it; there is no right to erasure until the "
        "hold is lifted ({article})",
        "det har vært sperret for sletting siden {day}, fordi en rettslig forpliktelse krever det; det er ingen rett "
        "til sletting før sperren oppheves ({article})",
    ),
    "stay.review": ("; the hold is looked at again on {day}", "; sperren vurderes på nytt {day}"),
    # where it comes from
    "sources": ("Where your data come from", "Hvor opplysningene dine kommer fra"),
    "sources.from": ("{data}: {sources}", "{data}: {sources}"),
    "sources.unsaid": (
        "{data}: our privacy policy does not say where they come from; ask us.",
        "{data}: Personvernerklæringen vår sier ikke hvor opplysningene kommer fra; spør oss.",
    ),
    "sources.article": (
        "Our privacy policy says so of each kind of data ({article}); our records do not tell it of each order.",
        "Det sier personvernerklæringen vår om hver type opplysninger ({article}); det fremgår ikke hos oss for den "
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
        "Nobody else, as far as our records tell.",
        "Ingen andre, så langt det fremgår hos oss.",
    ),
    "received.one-of": (
        "One of these at least, and our records do not tell which: {names}",
        "Minst én av disse, og det fremgår ikke hos oss hvilken: {names}",
    ),
    "received.data": ("Data: {data}", "Opplysninger: {data}"),
    "received.from": ("With: {records}", "Gjelder: {records}"),
    "received.from-all": ("With: all of the above", "Gjelder: alt ovenfor"),
    "received.outside": (
        "May process data outside the EEA and the UK, under: {safeguards}",
        "Kan behandle opplysninger utenfor EØS og Storbritannia, med disse garantiene: {safeguards}",
    ),
    "received.unpublished": (
        "Our privacy policy does not name this recipient.",
        "Personvernerklæringen vår nevner ikke denne mottakeren.",
    ),
    "received.unnamed-payment": (
        "Our records name nobody who gets data by the way of payment “{way}” ({records}); ask us.",
        "Det fremgår ikke hos oss hvem som får opplysninger ved betalingsmåten «{way}» ({records}); spør oss.",
    ),
    "received.unnamed-shipping": (
        "Our records name nobody who gets data by the way of delivery “{way}” ({records}); ask us.",
        "Det fremgår ikke hos oss hvem som får opplysninger ved leveringsmåten «{way}» ({records}); spør oss.",
    ),
    "received.where-required": (
        "Only where the law requires it, and so not on record here: {names}",
        "Bare der loven krever det, og derfor ikke registrert her: {names}",
    ),
    "received.told": (
        "When we rectify, erase or restrict data, we tell those who have received them, unless that is impossible or "
        "would take a disproportionate effort ({article}).",
        "Når vi retter, sletter eller begrenser opplysninger, sier vi fra til dem som har mottatt dem, med mindre det "
        "er umulig eller ville kreve en uforholdsmessig stor innsats ({article}).",
    ),
    # what is gone
    "closed": ("What is erased", "Hva som er slettet"),
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
