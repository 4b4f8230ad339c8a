"""The letters to the customer of `tests.unit.persons`, word for word, as that customer reads them."""

ENGLISH = """\
SmartGroup AS
Fornebuveien 46, 1366 Lysaker, Norway
Organisation number: 999 615 147
post@smartgroup.no

[Name and address of the customer]

24 November 2026

What we hold about you, and your rights (customer 7)

Dear customer,

This letter tells you which personal data our shop holds about you, why, for
how long, who has received them, and what you can ask for (GDPR Art. 15). It
names kinds of data, not the data themselves; you can have a copy of the data
(GDPR Art. 15(3)).

The latest request from you that we have on record reached us on 22 November
2026. We answer it by 22 December 2026 at the latest, one month later
(GDPR Art. 12(3)). The law allows us to extend that period by two further
months where necessary, taking into account the complexity and number of the
requests; we would then tell you so, with the reasons, within the first month.

What you have asked for
-----------------------

- On 20 November 2026: restriction of the processing of order 122
  (GDPR Art. 18). For as long as the restriction is in effect, we only store
  these data, unless you consent to another use or the law allows it
  (GDPR Art. 18(2)). We tell you before we lift it (GDPR Art. 18(3)).
- On 22 November 2026: erasure of order 121 (GDPR Art. 17). For each kind of
  data below, this letter says until when we keep it after this request, or
  why it must stay.

What we hold
------------

YOUR ACCOUNT (CUSTOMER 7)

* Account data; Identity & contact
  Why: Process orders, payments, deliveries, returns, and warranty
  Basis: Contract (GDPR Art. 6(1)(b))
  Retention: Customer accounts: while active, then deleted after 24 months of
  inactivity
  Kept: until 1 October 2028 at the latest
  Rights: access, rectification, erasure, restriction, data portability

* Technical data
  Why: Run and secure our website and online store
  Basis: Legitimate interests (GDPR Art. 6(1)(f))
  Retention: Customer accounts: while active, then deleted after 24 months of
  inactivity
  Kept: until 1 October 2028 at the latest
  Rights: access, rectification, erasure, restriction, objection

* Marketing
  Why: Send marketing communications where permitted
  Basis: Consent (GDPR Art. 6(1)(a))
  Retention: Marketing data: until you unsubscribe or withdraw consent
  Kept: until you withdraw your consent
  Rights: access, rectification, erasure, restriction, data portability,
  withdrawal of consent

ORDER 117
Erased on 2 October 2026; the erasure left this behind:

* Customer support
  Why: Provide customer support
  Basis: Legitimate interests (GDPR Art. 6(1)(f))
  Retention: Support requests: 12–36 months
  Kept: we may erase it from 22 November 2027 on, and keep it until
  22 November 2029 at the latest
  Rights: access, rectification, erasure, restriction, objection

ORDER 119

* Order & payment; Identity & contact (name and postal address); Shipping
  Why: Comply with legal and accounting obligations
  Basis: Legal obligation (GDPR Art. 6(1)(c))
  Retention: Orders and accounting: typically 5 years as required by law
  Kept: until 31 December 2031 at the latest
  Must stay: a legal obligation requires us to keep it until 31 December 2031
  (bokføringsloven § 13, the Norwegian Bookkeeping Act); there is no right to
  erasure before then (GDPR Art. 17(3)(b)).
  Rights: access, rectification, restriction

* Customer support
  Why: Provide customer support
  Basis: Legitimate interests (GDPR Art. 6(1)(f))
  Retention: Support requests: 12–36 months
  Kept: we may erase it from 1 March 2027 on, and keep it until 1 March 2029
  at the latest
  Rights: access, rectification, erasure, restriction, objection

* Technical data
  Why: Run and secure our website and online store
  Basis: Legitimate interests (GDPR Art. 6(1)(f))
  Retention: Technical data of an order
  Kept: until 1 March 2027 at the latest
  Rights: access, rectification, erasure, restriction, objection

* Marketing
  Why: Send marketing communications where permitted
  Basis: Consent (GDPR Art. 6(1)(a))
  Retention: Marketing data: until you unsubscribe or withdraw consent
  Kept: until you withdraw your consent
  Rights: access, rectification, erasure, restriction, data portability,
  withdrawal of consent

ORDER 120

* Order & payment; Identity & contact (name and postal address); Shipping
  Why: Comply with legal and accounting obligations
  Basis: Legal obligation (GDPR Art. 6(1)(c))
  Retention: Orders and accounting: typically 5 years as required by law
  Kept: for as long as it is on hold (otherwise: until 31 December 2031 at the
  latest)
  Must stay: a legal obligation requires us to keep it until 31 December 2031
  (bokføringsloven § 13, the Norwegian Bookkeeping Act); there is no right to
  erasure before then (GDPR Art. 17(3)(b)); it has been on hold since
  1 September 2026, because it may be needed to establish, exercise or defend
  legal claims; there is no right to erasure until the hold is lifted
  (GDPR Art. 17(3)(e)); we review the hold on 1 January 2027.
  Rights: access, rectification, restriction

ORDER 121
It is in the bin of our shop; the dates below still apply.

* Order & payment
  Why: Process orders, payments, deliveries, returns, and warranty
  Basis: Contract (GDPR Art. 6(1)(b))
  Retention: Orders that were never paid
  Kept: until your order is closed and the 14 days in which you may withdraw
  from it are over, because you asked for its erasure
  Rights: access, rectification, erasure, restriction, data portability

ORDER 122
We are still checking this with our shop, and the information here may change.

* Order & payment
  Why: Process orders, payments, deliveries, returns, and warranty
  Basis: Contract (GDPR Art. 6(1)(b))
  Retention: Orders that were never paid
  Kept: for as long as its processing is restricted, which it has been since
  20 November 2026; until the restriction ends we only store it, unless you
  consent to another use or the law allows it (GDPR Art. 18(2)) (otherwise:
  until 22 November 2027 at the latest)
  Rights: access, rectification, erasure, restriction, data portability

REQUEST TO CUSTOMER SUPPORT ZD-9

* Customer support
  Why: Provide customer support
  Basis: Legitimate interests (GDPR Art. 6(1)(f))
  Retention: Support requests: 12–36 months
  Kept: we may erase it from 5 May 2027 on, and keep it until 5 May 2029 at
  the latest
  Rights: access, rectification, erasure, restriction, objection

CHOICE OF COOKIES C-5

* Technical data
  Why: Comply with legal and accounting obligations
  Basis: Legitimate interests (GDPR Art. 6(1)(f))
  Retention: Cookie consent logs: 12–24 months
  Kept: we may erase it from 3 February 2027 on, and keep it until 3 February
  2028 at the latest
  Must stay: it is kept as proof, until 3 February 2028 at the longest, to
  establish, exercise or defend legal claims; there is no right to erasure
  before then (GDPR Art. 17(3)(e)).
  Rights: access, rectification, restriction

Where your data come from
-------------------------

- Identity & contact, Account data, Customer support: Directly from you
  (checkout, forms, email, phone)
- Order & payment, Shipping: Directly from you (checkout, forms, email,
  phone); From service providers (payment confirmation, delivery updates)
- Marketing: Directly from you (checkout, forms, email, phone); Automatically
  (cookies and similar technologies)
- Technical data: Automatically (cookies and similar technologies)

Our privacy policy says this for each kind of data (GDPR Art. 15(1)(g)); our
records do not say it for each order.

Our services are not intended for children under 13 without parental
involvement. We do not knowingly collect personal data from children beyond
what is necessary to fulfil an order.

Who has received your data
--------------------------

- Brevo (France)
  Data: Identity & contact, Marketing
  Concerns: Your account (customer 7), Order 119

- Website hosting and e-commerce providers
  Data: Identity & contact, Account data, Order & payment, Shipping, Customer
  support, Marketing, Technical data
  Concerns: all of the above

- Klarna (Sweden)
  Data: Identity & contact, Order & payment, Shipping
  Concerns: Order 119

- At least one of these; our records do not show which: American Express,
  Mastercard, Visa
  Data: Order & payment
  Concerns: Order 120
  May process data outside the EEA and the UK, under: EU Standard Contractual
  Clauses (SCCs) and UK transfer addendum / IDTA (where applicable)

- Bring (Norway)
  Data: Identity & contact, Shipping
  Concerns: Order 120

- Posten (Norway)
  Data: Identity & contact, Shipping
  Concerns: Order 120

- Stripe Payments Europe Ltd (Ireland)
  Data: Identity & contact, Order & payment, Shipping
  Concerns: Order 120
  Our privacy policy does not name this recipient.
  May process data outside the EEA and the UK, under: EU Standard Contractual
  Clauses (SCCs) and UK transfer addendum / IDTA (where applicable)

- Our records do not show who gets data through the delivery method
  “flat_rate” (Order 119); ask us.

- Only where the law requires it, and therefore not recorded here:
  Professional advisers and public authorities where required by law

When we rectify, erase or restrict data, we tell those who have received them,
unless that is impossible or would take a disproportionate effort
(GDPR Art. 19).

What has been erased
--------------------

- Order 117: erased on 2 October 2026
- Order 118: no longer in our shop, as we learnt on 3 October 2026

Your rights
-----------

- Access (GDPR Art. 15): to know what we hold about you, and to have a copy of
  it.
- Rectification (GDPR Art. 16): to have wrong data corrected, and incomplete
  data completed.
- Erasure (GDPR Art. 17): to have data erased, unless they must stay for one
  of the reasons given above.
- Restriction (GDPR Art. 18): to have data only stored and not otherwise used,
  for instance while we check whether they are right.
- Data portability (GDPR Art. 20): to have what you gave us in a
  machine-readable form, where the basis is consent or a contract.
- Objection (GDPR Art. 21): to object, on grounds relating to your particular
  situation, where the basis is legitimate interests; to direct marketing you
  can object at any time, without giving grounds.
- Withdrawal of consent (GDPR Art. 7(3)): to withdraw a consent at any time;
  what was done before remains lawful.

To use one of these rights, write to post@smartgroup.no.

What is not in this letter
--------------------------

- Orders placed without an account: we find them by their order number. If you
  have placed any, tell us the numbers.
- Data that our tools for e-mail, cookies and customer support hold under your
  e-mail address only, without a customer or order number.
- Whether anything is decided by automated means alone (GDPR Art. 15(1)(h)):
  ask us.

This letter follows our privacy policy as in force since 22 November 2026:
https://smartgroup.no/en/privacy-policy-smartgroup-as/

Complaints
----------

Please contact us first if something is not right. You can in any case
complain to a supervisory authority (GDPR Art. 77):

- Norwegian Data Protection Authority (Datatilsynet), Postboks 458 Sentrum,
  0105 Oslo, Norway, https://www.datatilsynet.no/
- Since you are in the UK, so that UK GDPR may apply: UK Information
  Commissioner’s Office (ICO), https://ico.org.uk/make-a-complaint/
- If you live or work in another EEA country: the authority of that country

Yours sincerely,
SmartGroup AS
post@smartgroup.no
"""

NORWEGIAN = """\
SmartGroup AS
Fornebuveien 46, 1366 Lysaker, Norway
Organisasjonsnummer: 999 615 147
post@smartgroup.no

[Kundens navn og adresse]

24. november 2026

Hva vi har om deg, og rettighetene dine (kunde 7)

Hei,

Dette brevet forteller deg hvilke personopplysninger nettbutikken vår har om
deg, hvorfor, hvor lenge, hvem som har mottatt dem, og hva du kan be om
(personvernforordningen art. 15). Det nevner typer opplysninger, ikke
opplysningene selv; du kan få en kopi av opplysningene (personvernforordningen
art. 15 nr. 3).

Den siste anmodningen vi har registrert fra deg, mottok vi 22. november 2026.
Vi svarer på den senest 22. desember 2026, én måned senere
(personvernforordningen art. 12 nr. 3). Loven tillater at fristen ved behov
forlenges med ytterligere to måneder, idet det tas hensyn til anmodningenes
antall og kompleksitet; i så fall gir vi deg beskjed om det, med begrunnelse,
innen den første måneden.

Hva du har bedt om
------------------

- 20. november 2026: begrensning av behandlingen av ordre 122
  (personvernforordningen art. 18). Så lenge begrensningen gjelder, gjør vi
  ikke mer enn å lagre disse opplysningene, med mindre du samtykker eller
  loven tillater det (personvernforordningen art. 18 nr. 2). Vi sier fra til
  deg før vi opphever den (personvernforordningen art. 18 nr. 3).
- 22. november 2026: sletting av ordre 121 (personvernforordningen art. 17).
  Ved hver type opplysninger nedenfor står det hvor lenge den oppbevares etter
  dette, eller hvorfor den må beholdes.

Hva vi oppbevarer
-----------------

KONTOEN DIN (KUNDE 7)

* Kontoopplysninger; Identitet og kontakt
  Formål: Behandle ordrer, betalinger, leveringer, returer og reklamasjoner
  Grunnlag: Avtale (personvernforordningen art. 6 nr. 1 bokstav b)
  Oppbevaringsregel: Kundekontoer
  Oppbevares: senest til 1. oktober 2028
  Rettigheter: innsyn, retting, sletting, begrensning, dataportabilitet

* Tekniske opplysninger
  Formål: Drive og sikre nettstedet og nettbutikken vår
  Grunnlag: Berettigede interesser (personvernforordningen art. 6 nr. 1
  bokstav f)
  Oppbevaringsregel: Kundekontoer
  Oppbevares: senest til 1. oktober 2028
  Rettigheter: innsyn, retting, sletting, begrensning, protest

* Markedsføring
  Formål: Sende markedsføring der det er tillatt
  Grunnlag: Samtykke (personvernforordningen art. 6 nr. 1 bokstav a)
  Oppbevaringsregel: Markedsføring
  Oppbevares: til du trekker samtykket ditt tilbake
  Rettigheter: innsyn, retting, sletting, begrensning, dataportabilitet,
  tilbaketrekking av samtykke

ORDRE 117
Slettet 2. oktober 2026; dette ble igjen etter slettingen:

* Kundeservice
  Formål: Yte kundeservice
  Grunnlag: Berettigede interesser (personvernforordningen art. 6 nr. 1
  bokstav f)
  Oppbevaringsregel: Henvendelser til kundeservice
  Oppbevares: kan slettes fra 22. november 2027, og oppbevares senest til
  22. november 2029
  Rettigheter: innsyn, retting, sletting, begrensning, protest

ORDRE 119

* Ordre og betaling; Identitet og kontakt (navn og postadresse); Levering
  Formål: Oppfylle rettslige plikter og regnskapsplikter
  Grunnlag: Rettslig forpliktelse (personvernforordningen art. 6 nr. 1
  bokstav c)
  Oppbevaringsregel: Ordrer og regnskap
  Oppbevares: senest til 31. desember 2031
  Må beholdes: en rettslig forpliktelse krever at vi oppbevarer det til
  31. desember 2031 (bokføringsloven § 13); det er ingen rett til sletting før
  det (personvernforordningen art. 17 nr. 3 bokstav b).
  Rettigheter: innsyn, retting, begrensning

* Kundeservice
  Formål: Yte kundeservice
  Grunnlag: Berettigede interesser (personvernforordningen art. 6 nr. 1
  bokstav f)
  Oppbevaringsregel: Henvendelser til kundeservice
  Oppbevares: kan slettes fra 1. mars 2027, og oppbevares senest til 1. mars
  2029
  Rettigheter: innsyn, retting, sletting, begrensning, protest

* Tekniske opplysninger
  Formål: Drive og sikre nettstedet og nettbutikken vår
  Grunnlag: Berettigede interesser (personvernforordningen art. 6 nr. 1
  bokstav f)
  Oppbevaringsregel: Tekniske opplysninger om en ordre
  Oppbevares: senest til 1. mars 2027
  Rettigheter: innsyn, retting, sletting, begrensning, protest

* Markedsføring
  Formål: Sende markedsføring der det er tillatt
  Grunnlag: Samtykke (personvernforordningen art. 6 nr. 1 bokstav a)
  Oppbevaringsregel: Markedsføring
  Oppbevares: til du trekker samtykket ditt tilbake
  Rettigheter: innsyn, retting, sletting, begrensning, dataportabilitet,
  tilbaketrekking av samtykke

ORDRE 120

* Ordre og betaling; Identitet og kontakt (navn og postadresse); Levering
  Formål: Oppfylle rettslige plikter og regnskapsplikter
  Grunnlag: Rettslig forpliktelse (personvernforordningen art. 6 nr. 1
  bokstav c)
  Oppbevaringsregel: Ordrer og regnskap
  Oppbevares: så lenge det er sperret for sletting (ellers: senest til
  31. desember 2031)
  Må beholdes: en rettslig forpliktelse krever at vi oppbevarer det til
  31. desember 2031 (bokføringsloven § 13); det er ingen rett til sletting før
  det (personvernforordningen art. 17 nr. 3 bokstav b); det har vært sperret
  for sletting siden 1. september 2026, fordi det kan trengs for å fastsette,
  gjøre gjeldende eller forsvare rettskrav; det er ingen rett til sletting før
  sperren oppheves (personvernforordningen art. 17 nr. 3 bokstav e); vi
  vurderer sperren på nytt 1. januar 2027.
  Rettigheter: innsyn, retting, begrensning

ORDRE 121
Den ligger i papirkurven i nettbutikken vår; datoene nedenfor gjelder
fortsatt.

* Ordre og betaling
  Formål: Behandle ordrer, betalinger, leveringer, returer og reklamasjoner
  Grunnlag: Avtale (personvernforordningen art. 6 nr. 1 bokstav b)
  Oppbevaringsregel: Ordrer som aldri ble betalt
  Oppbevares: til ordren din er avsluttet og angrefristen på 14 dager er over,
  fordi du har bedt om sletting
  Rettigheter: innsyn, retting, sletting, begrensning, dataportabilitet

ORDRE 122
Vi kontrollerer fortsatt dette i nettbutikken vår, og opplysningene her kan
bli endret.

* Ordre og betaling
  Formål: Behandle ordrer, betalinger, leveringer, returer og reklamasjoner
  Grunnlag: Avtale (personvernforordningen art. 6 nr. 1 bokstav b)
  Oppbevaringsregel: Ordrer som aldri ble betalt
  Oppbevares: så lenge behandlingen er begrenset, slik den er siden
  20. november 2026; imens gjør vi ikke mer enn å lagre det, med mindre du
  samtykker eller loven tillater det (personvernforordningen art. 18 nr. 2)
  (ellers: senest til 22. november 2027)
  Rettigheter: innsyn, retting, sletting, begrensning, dataportabilitet

HENVENDELSE TIL KUNDESERVICE ZD-9

* Kundeservice
  Formål: Yte kundeservice
  Grunnlag: Berettigede interesser (personvernforordningen art. 6 nr. 1
  bokstav f)
  Oppbevaringsregel: Henvendelser til kundeservice
  Oppbevares: kan slettes fra 5. mai 2027, og oppbevares senest til 5. mai
  2029
  Rettigheter: innsyn, retting, sletting, begrensning, protest

VALG AV INFORMASJONSKAPSLER C-5

* Tekniske opplysninger
  Formål: Oppfylle rettslige plikter og regnskapsplikter
  Grunnlag: Berettigede interesser (personvernforordningen art. 6 nr. 1
  bokstav f)
  Oppbevaringsregel: Logg over samtykke til informasjonskapsler
  Oppbevares: kan slettes fra 3. februar 2027, og oppbevares senest til
  3. februar 2028
  Må beholdes: det oppbevares som bevis, lengst til 3. februar 2028, for å
  fastsette, gjøre gjeldende eller forsvare rettskrav; det er ingen rett til
  sletting før det (personvernforordningen art. 17 nr. 3 bokstav e).
  Rettigheter: innsyn, retting, begrensning

Hvor opplysningene dine kommer fra
----------------------------------

- Identitet og kontakt, Kontoopplysninger, Kundeservice: Direkte fra deg
  (kassen, skjemaer, e-post, telefon)
- Ordre og betaling, Levering: Direkte fra deg (kassen, skjemaer, e-post,
  telefon); Fra tjenesteleverandører (betalingsbekreftelser,
  leveringsoppdateringer)
- Markedsføring: Direkte fra deg (kassen, skjemaer, e-post, telefon);
  Automatisk (informasjonskapsler og lignende teknologi)
- Tekniske opplysninger: Automatisk (informasjonskapsler og lignende
  teknologi)

Personvernerklæringen vår sier dette om hver type opplysninger
(personvernforordningen art. 15 nr. 1 bokstav g); det fremgår ikke hos oss for
den enkelte ordren.

Tjenestene våre er ikke ment for barn under 13 år uten at foreldrene er
involvert. Vi samler ikke bevisst inn personopplysninger fra barn utover det
som er nødvendig for å oppfylle en ordre.

Hvem som har mottatt opplysningene dine
---------------------------------------

- Brevo (Frankrike)
  Opplysninger: Identitet og kontakt, Markedsføring
  Gjelder: Kontoen din (kunde 7), Ordre 119

- Leverandører av drift og netthandel
  Opplysninger: Identitet og kontakt, Kontoopplysninger, Ordre og betaling,
  Levering, Kundeservice, Markedsføring, Tekniske opplysninger
  Gjelder: alt ovenfor

- Klarna (Sverige)
  Opplysninger: Identitet og kontakt, Ordre og betaling, Levering
  Gjelder: Ordre 119

- Minst én av disse; det fremgår ikke hos oss hvilken: American Express,
  Mastercard, Visa
  Opplysninger: Ordre og betaling
  Gjelder: Ordre 120
  Kan behandle opplysninger utenfor EØS og Storbritannia, med disse
  garantiene: EUs standard personvernbestemmelser (SCC) og det britiske
  tillegget om overføring / IDTA (der det er aktuelt)

- Bring (Norge)
  Opplysninger: Identitet og kontakt, Levering
  Gjelder: Ordre 120

- Posten (Norge)
  Opplysninger: Identitet og kontakt, Levering
  Gjelder: Ordre 120

- Stripe Payments Europe Ltd (Irland)
  Opplysninger: Identitet og kontakt, Ordre og betaling, Levering
  Gjelder: Ordre 120
  Personvernerklæringen vår nevner ikke denne mottakeren.
  Kan behandle opplysninger utenfor EØS og Storbritannia, med disse
  garantiene: EUs standard personvernbestemmelser (SCC) og det britiske
  tillegget om overføring / IDTA (der det er aktuelt)

- Det fremgår ikke hos oss hvem som får opplysninger ved leveringsmåten
  «flat_rate» (Ordre 119); spør oss.

- Bare der loven krever det, og derfor ikke registrert her: Rådgivere og
  offentlige myndigheter der loven krever det

Når vi retter, sletter eller begrenser opplysninger, sier vi fra til dem som
har mottatt dem, med mindre det er umulig eller ville kreve en uforholdsmessig
stor innsats (personvernforordningen art. 19).

Hva som er slettet
------------------

- Ordre 117: slettet 2. oktober 2026
- Ordre 118: ikke lenger i nettbutikken vår; det ble vi kjent med 3. oktober
  2026

Rettighetene dine
-----------------

- Innsyn (personvernforordningen art. 15): å få vite hva vi har om deg, og å
  få en kopi av det.
- Retting (personvernforordningen art. 16): å få rettet det som er feil, og
  utfylt det som er ufullstendig.
- Sletting (personvernforordningen art. 17): å få opplysninger slettet, med
  mindre de må beholdes av en av grunnene som er nevnt ovenfor.
- Begrensning (personvernforordningen art. 18): å få opplysninger bare lagret
  og ikke brukt på annen måte, for eksempel mens det undersøkes om de er
  riktige.
- Dataportabilitet (personvernforordningen art. 20): å få det du har gitt oss,
  i maskinlesbar form, der grunnlaget er samtykke eller avtale.
- Protest (personvernforordningen art. 21): å protestere av grunner knyttet
  til din særlige situasjon, der grunnlaget er berettigede interesser; mot
  direkte markedsføring kan du protestere når som helst, uten begrunnelse.
- Tilbaketrekking av samtykke (personvernforordningen art. 7 nr. 3): å trekke
  et samtykke tilbake når som helst; det som er gjort før, forblir lovlig.

Skriv til post@smartgroup.no for å bruke rettighetene.

Hva som ikke står i dette brevet
--------------------------------

- Ordrer lagt inn uten konto: Vi finner dem ved hjelp av ordrenummeret. Har du
  lagt inn slike, så oppgi numrene.
- Opplysninger som verktøyene våre for e-post, informasjonskapsler og
  kundeservice bare har under e-postadressen din, uten kunde- eller
  ordrenummer.
- Om noe avgjøres utelukkende automatisk (personvernforordningen art. 15 nr. 1
  bokstav h): Spør oss.

Dette brevet følger personvernerklæringen vår slik den har vært i kraft siden
22. november 2026: https://smartgroup.no/en/privacy-policy-smartgroup-as/

Klage
-----

Ta gjerne kontakt med oss først hvis noe ikke stemmer. Du kan uansett klage
til en tilsynsmyndighet (personvernforordningen art. 77):

- Datatilsynet, Postboks 458 Sentrum, 0105 Oslo, Norge,
  https://www.datatilsynet.no/
- Siden du er i Storbritannia, slik at UK GDPR kan gjelde: Information
  Commissioner’s Office (ICO), den britiske tilsynsmyndigheten,
  https://ico.org.uk/make-a-complaint/
- Hvis du bor eller arbeider i et annet EØS-land: tilsynsmyndigheten i det
  landet

Med vennlig hilsen
SmartGroup AS
post@smartgroup.no
"""
