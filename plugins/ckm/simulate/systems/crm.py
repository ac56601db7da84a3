"""How the company's CRM, a grown German and English system, names its tables and columns."""

from ckm.simulate.systems.described import Described, columns

CRM: dict[str, Described] = {
    "customers": Described(
        "Kunden",
        columns(
            "customer_id:CustomerNo customer_type:Kundenart parent_customer_id:Konzern "
            "first_name:Vorname last_name:Nachname company_name:Firma "
            "registration_number:HandelsregNr email:EMail phone:Telefon street:Strasse "
            "postal_code:PLZ city:Ort country:Land birth_date:GebDatum gender:Geschlecht "
            "language:Sprache preferred_channel:KontaktWunsch industry:Branche segment:KdGruppe "
            "account_manager_id:Betreuer acquired_at:GewonnenAm created_at:AngelegtAm "
            "updated_at:GeaendertAm"
        ),
        settings={"required": True},
    ),
    "contacts": Described(
        "Ansprechpartner",
        columns(
            "contact_id:APNr customer_id:CustomerNo first_name:Vorname last_name:Nachname email:EMail "
            "phone:Durchwahl role:Funktion is_decision_maker:Entscheider updated_at:GeaendertAm"
        ),
    ),
    "consents": Described(
        "Einwilligungen",
        columns(
            "customer_id:CustomerNo purpose:Zweck is_granted:Erteilt channel:Kanal "
            "stated_at:ErklaertAm updated_at:GeaendertAm"
        ),
    ),
    "employees": Described(
        "Mitarbeiter",
        columns(
            "employee_id:PersNr full_name:Name role:Stelle department:Abteilung hired_on:Eintritt "
            "left_on:Austritt updated_at:GeaendertAm"
        ),
    ),
    "products": Described(
        "Artikel",
        columns(
            "product_id:ArtikelNr product_name:Bezeichnung category:Warengruppe "
            "product_kind:Artikelart list_price:Listenpreis unit_cost:EKPreis is_active:Aktiv "
            "updated_at:GeaendertAm"
        ),
        constants={"currency_code": "EUR"},
    ),
    "orders": Described(
        "Auftraege",
        columns(
            "order_id:AuftragNr customer_id:CustomerNo order_type:Belegart status:BelegStatus "
            "ordered_at:OrderDate channel:Vertriebsweg employee_id:Sachbearbeiter "
            "currency_code:Waehrung promised_on:LieferZusage updated_at:LastChange"
        ),
        unmapped={"Mandant": "01"},
        settings={"required": True},
    ),
    "order_lines": Described(
        "AuftragPos",
        columns(
            "order_id:AuftragNr line_number:PosNr product_id:ArtikelNr quantity:Menge "
            "unit_price:EinzelBetrag discount_amount:Rabatt unit_cost:Einstand updated_at:LastChange"
        ),
        settings={"required": True},
    ),
    "shipments": Described(
        "Sendungen",
        columns(
            "shipment_id:SendungNr order_id:AuftragNr carrier:Spediteur status:SendStatus "
            "shipped_at:VersandAm promised_on:ZusageTermin delivered_at:ZugestelltAm "
            "failed_attempts:FehlVersuche updated_at:LastChange"
        ),
    ),
    "subscriptions": Described(
        "Abos",
        columns(
            "subscription_id:VertragNr customer_id:CustomerNo product_id:ArtikelNr started_on:Beginn "
            "ends_on:LaufzeitEnde cancelled_on:GekuendigtAm monthly_fee:MonatsBetrag "
            "currency_code:Waehrung status:VertragStatus updated_at:LastChange"
        ),
    ),
    "usage_events": Described(
        "ServiceUsage",
        columns(
            "usage_id:EventId customer_id:CustomerNo product_id:ArtikelNr feature:Feature "
            "quantity:Amount unit:Unit used_at:EventTime"
        ),
    ),
    "interactions": Described(
        "Aktivitaeten",
        columns(
            "interaction_id:AktNr customer_id:CustomerNo contact_id:APNr employee_id:PersNr "
            "channel:Medium direction:Richtung subject:Betreffcode note:Notiz mood:Stimmung "
            "started_at:BeginnZeit duration_seconds:DauerSek updated_at:LastChange"
        ),
    ),
    "workroom_items": Described(
        "Workroom",
        columns(
            "item_id:ItemNo customer_id:CustomerNo item_type:ItemType title:Titel status:ItemStatus "
            "owner_employee_id:Owner opened_at:OpenedAt due_on:DueDate closed_at:ClosedAt "
            "ends_on:ContractEnd updated_at:LastChange"
        ),
    ),
    "service_costs": Described(
        "ServiceKosten",
        columns("customer_id:CustomerNo month:Monat cost_kind:Kostenart amount:Betrag updated_at:GebuchtAm"),
        constants={"currency_code": "EUR"},
    ),
    "exchange_rates": Described(
        "Kurse",
        columns("rate_date:KursTag from_currency:Waehrung rate:KursInEUR updated_at:StandVom"),
        constants={"to_currency": "EUR"},
    ),
    "targets": Described(
        "Planwerte",
        columns("indicator:Kennzahl month:Monat target_value:Planwert unit:Einheit updated_at:GeaendertAm"),
    ),
}
