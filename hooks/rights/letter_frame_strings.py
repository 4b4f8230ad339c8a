"""The letter's sentences about itself, the requests, the rights and complaints: in English and Norwegian bokmål."""

from __future__ import annotations

FRAME_STRINGS: dict[str, tuple[str, str]] = {
    # the letter's head
    "organisation": ("Organisation number: {number}", "Organisasjonsnummer: {number}"),
    "recipient": ("[Name and address of the customer]", "[Kundens navn og adresse]"),
    "subject.customer": (
        "What we hold about you, and your rights (customer {id})",
        "Hva vi har om deg, og rettighetene dine (kunde {id})",
    ),
    "subject.order": (
        "What we hold with your order {id}, and your rights",
        "Hva vi har om ordren din {id}, og rettighetene dine",
    ),
    "subject.email": (
        "What we hold about you, and your rights",
        "Hva vi har om deg, og rettighetene dine",
    ),
    "greeting": ("Dear customer,", "Hei,"),
    "intro": (
        "This letter tells you which personal data our shop holds about you, why, for how long, who has received them, "
        "and what you can ask for ({article}). It names kinds of data, not the data themselves; you can have a copy "
        "of the data ({copy}).",
        "Dette brevet forteller deg hvilke personopplysninger nettbutikken vår har om deg, hvorfor, hvor lenge, hvem "
        "som har mottatt dem, og hva du kan be om ({article}). Det nevner typer opplysninger, ikke opplysningene selv; "
        "du kan få en kopi av opplysningene ({copy}).",
    ),
    # the deadline
    "deadline.given": (
        "Your request reached us on {day}. We answer it by {end} at the latest, one month later ({article}).",
        "Vi mottok anmodningen din {day}. Vi svarer på den senest {end}, én måned senere ({article}).",
    ),
    "deadline.on-record": (
        "The latest request from you that we have on record reached us on {day}. We answer it by {end} at the latest, "
        "one month later ({article}).",
        "Den siste anmodningen vi har registrert fra deg, mottok vi {day}. Vi svarer på den senest {end}, én måned "
        "senere ({article}).",
    ),
    "deadline.none-on-record": (
        "We have no request from you on record. If we count from the day of this letter, {day}, the period of one "
        "month for answering a request ends on {end} ({article}).",
        "Vi har ikke registrert noen anmodning fra deg. Regnet fra datoen på dette brevet, {day}, utløper fristen på "
        "én måned for å svare på en anmodning {end} ({article}).",
    ),
    "deadline.passed": ("That day has passed.", "Den dagen er passert."),
    "extension": (
        "The law allows us to extend that period by two further months where necessary, taking into account the "
        "complexity and number of the requests; we would then tell you so, with the reasons, within the first month.",
        "Loven tillater at fristen ved behov forlenges med ytterligere to måneder, idet det tas hensyn til "
        "anmodningenes antall og kompleksitet; i så fall gir vi deg beskjed om det, med begrunnelse, innen den første "
        "måneden.",
    ),
    # what was asked for
    "asked": ("What you have asked for", "Hva du har bedt om"),
    "asked.erasure-requested": (
        "On {day}: erasure of {what} ({article})",
        "{day}: sletting av {what} ({article})",
    ),
    "asked.objection": (
        "On {day}: objection to the processing of {what} ({article})",
        "{day}: protest mot behandlingen av {what} ({article})",
    ),
    "asked.objection-to-marketing": (
        "On {day}: objection to direct marketing, concerning {what} ({article})",
        "{day}: protest mot direkte markedsføring, som gjelder {what} ({article})",
    ),
    "asked.restriction": (
        "On {day}: restriction of the processing of {what} ({article})",
        "{day}: begrensning av behandlingen av {what} ({article})",
    ),
    "means.erasure-requested": (
        "For each kind of data below, this letter says until when we keep it after this request, or why it must stay.",
        "Ved hver type opplysninger nedenfor står det hvor lenge den oppbevares etter dette, eller hvorfor den må "
        "beholdes.",
    ),
    "means.objection": (
        "We ended the marketing that we sent you at that time ({marketing}). We keep the other data that we held then "
        "on the basis of our legitimate interests until {end} at the latest, unless they must stay for a reason given "
        "below ({soon}).",
        "Vi avsluttet den markedsføringen som pågikk da ({marketing}). Det andre vi da hadde ut fra våre berettigede "
        "interesser, oppbevares senest til {end}, med mindre det må beholdes av en grunn som er nevnt nedenfor "
        "({soon}).",
    ),
    "means.objection-to-marketing": (
        "We ended the marketing that we sent you at that time ({marketing}). This objection changes nothing for other "
        "data.",
        "Vi avsluttet den markedsføringen som pågikk da ({marketing}). For andre opplysninger endrer denne "
        "protesten ingenting.",
    ),
    "means.restriction": (
        "For as long as the restriction is in effect, we only store these data, unless you consent to another use or "
        "the law allows it ({use}). We tell you before we lift it ({lifting}).",
        "Så lenge begrensningen gjelder, gjør vi ikke mer enn å lagre disse opplysningene, med mindre du samtykker "
        "eller loven tillater det ({use}). Vi sier fra til deg før vi opphever den ({lifting}).",
    ),
    "means.restriction-lifted": (
        "The restriction was lifted on {lifted}.",
        "Begrensningen ble opphevet {lifted}.",
    ),
    "about.customer": ("all your data", "alle opplysningene dine"),
    # rights, complaints, the end
    "your-rights": ("Your rights", "Rettighetene dine"),
    "right": ("{name} ({article}): {meaning}.", "{name} ({article}): {meaning}."),
    "right.none": (
        "It applies to nothing listed above.",
        "Den gjelder ingenting av det som er ført opp ovenfor.",
    ),
    "write-to": (
        "To use one of these rights, write to {contact}.",
        "Skriv til {contact} for å bruke rettighetene.",
    ),
    "not-here": ("What is not in this letter", "Hva som ikke står i dette brevet"),
    "not-here.address": (
        "Orders placed without an account and with another e-mail address: we find them by that address or by their "
        "order number. If you have placed any, tell us.",
        "Ordrer lagt inn uten konto og med en annen e-postadresse: Vi finner dem ved hjelp av den adressen eller "
        "ordrenummeret. Har du lagt inn slike, så si fra til oss.",
    ),
    "not-here.guest": (
        "Orders placed without an account: we find them by their order number. If you have placed any, tell us the "
        "numbers.",
        "Ordrer lagt inn uten konto: Vi finner dem ved hjelp av ordrenummeret. Har du lagt inn slike, så oppgi "
        "numrene.",
    ),
    "not-here.order": (
        "Everything but this one order and what was reported about it: your other orders, and your account if you have "
        "one.",
        "Alt annet enn denne ene ordren og det som er meldt om den: de andre ordrene dine, og kontoen din om du har "
        "en.",
    ),
    "not-here.email": (
        "Data that our tools for e-mail, cookies and customer support hold under your e-mail address only, without a "
        "customer or order number.",
        "Opplysninger som verktøyene våre for e-post, informasjonskapsler og kundeservice bare har under "
        "e-postadressen din, uten kunde- eller ordrenummer.",
    ),
    "not-here.unread": (
        "{record}: it has not been read from our shop yet.",
        "{record}: Opplysningene er ikke lest fra nettbutikken vår ennå.",
    ),
    "not-here.staff": (
        "{record}: it belongs to a member of our staff, and is not covered by the rules for customers.",
        "{record}: Den tilhører en ansatt hos oss, og er ikke omfattet av reglene for kunder.",
    ),
    "not-here.incomplete": (
        "We are still going through some of our records: there may be more orders of yours. Please ask us again soon.",
        "Noe av det vi har, gjennomgås fortsatt: Det kan finnes flere ordrer fra deg. Spør oss gjerne igjen snart.",
    ),
    "not-here.source": (
        "Where the data come from, and whether anything is decided by automated means alone ({source}): see our "
        "privacy policy, or ask us.",
        "Hvor opplysningene kommer fra, og om noe avgjøres utelukkende automatisk ({source}): Se "
        "personvernerklæringen vår, eller spør oss.",
    ),
    "not-here.automated": (
        "Whether anything is decided by automated means alone ({source}): ask us.",
        "Om noe avgjøres utelukkende automatisk ({source}): Spør oss.",
    ),
    "policy": (
        "This letter follows our privacy policy as in force since {day}: {page}",
        "Dette brevet følger personvernerklæringen vår slik den har vært i kraft siden {day}: {page}",
    ),
    "complaints": ("Complaints", "Klage"),
    "complaints.intro": (
        "Please contact us first if something is not right. You can in any case complain to a supervisory authority "
        "({article}):",
        "Ta gjerne kontakt med oss først hvis noe ikke stemmer. Du kan uansett klage til en tilsynsmyndighet "
        "({article}):",
    ),
    "authority.always": ("{authority}", "{authority}"),
    "authority.if-in-uk": (
        "If you are in the UK, so that UK GDPR may apply: {authority}",
        "Hvis du er i Storbritannia, slik at UK GDPR kan gjelde: {authority}",
    ),
    "authority.in-uk": (
        "Since you are in the UK, so that UK GDPR may apply: {authority}",
        "Siden du er i Storbritannia, slik at UK GDPR kan gjelde: {authority}",
    ),
    "authority.eea": (
        "If you live or work in another EEA country: the authority of that country",
        "Hvis du bor eller arbeider i et annet EØS-land: tilsynsmyndigheten i det landet",
    ),
    "yours": ("Yours sincerely,", "Med vennlig hilsen"),
}
