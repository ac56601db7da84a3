"""What people write and what the company writes for them: complaints, notes, surveys, searches, ideas."""

REASONS = (  # category, subcategory, root cause, what the customer writes before and after the reference
    ("delivery", "failed_attempt", "carrier", "Bei uns war niemand, sagt der Bote zu ", ". Ich war da!"),
    ("delivery", "late", "stock", "Seit Tagen warte ich auf ", ". Wo bleibt die Sendung?"),
    ("product_quality", "defective", "supplier", "Die Ware aus ", " war defekt, und das Geld fehlt noch."),
    ("product_quality", "damaged", "packaging", "The parcel of ", " was crushed and one part is broken."),
    ("product_quality", "not_as_described", "catalogue", "Farbe und Größe aus ", " stimmen nicht."),
    ("invoice", "wrong_amount", "billing", "Die Rechnung zu ", " ist zu hoch, bitte prüfen."),
    ("invoice", "charged_twice", "billing", "You charged ", " twice, please pay it back."),
    ("service", "unfriendly", "training", "Am Telefon wurde ich wegen ", " unfreundlich abgewimmelt."),
    ("service", "no_reply", "staffing", "Auf meine Fragen zu ", " antwortet seit Wochen niemand."),
    ("contract", "renewal", "terms", "Mein Vertrag ", " wurde gegen meinen Willen verlängert."),
    ("contract", "fee", "terms", "Der Beitrag für ", " ist höher als vereinbart."),
    ("other", "data_protection", "unknown", "Woher haben Sie meine Daten zu ", "? Bitte löschen."),
)
REASONS_OF = {  # cause → the reasons it may take
    "failed": (0,), "late": (1,), "returned": (2,), "product": (3, 4), "invoice": (5, 6), "service": (7, 8),
    "contract": (9, 10), "other": (11,),
}  # fmt: skip
COMPLAINT_CHANNELS = ("web_form", "mail", "call", "chat", "letter")
COMPLAINT_CHANNEL_SHARES = (0.34, 0.28, 0.24, 0.08, 0.06)
PRIORITIES = ("low", "normal", "high")
RESOLUTIONS = ("explanation", "replacement", "refund", "voucher", "apology", "rejection")
HANDLING_NOTES = (
    ("Mit ", " gesprochen, Lösung zugesagt."),
    ("Left a message for ", ", will try again tomorrow."),
    ("", " ist sehr ungehalten, bitte zügig."),
    ("Unterlagen an ", " geschickt, Fall geklärt."),
)

SURVEYS = (  # id, name, type, channel
    ("SV-NPS", "Wie wahrscheinlich empfehlen Sie uns?", "relationship", "email"),
    ("SV-DEL", "Ihre Lieferung", "transaction", "email"),
    ("SV-CMP", "Ihre Beschwerde", "complaint", "email"),
    ("SV-SAT", "Kundenzufriedenheit", "satisfaction", "web"),
)
NPS, DELIVERY, COMPLAINT, SATISFACTION = range(4)
QUESTIONS = (  # survey, question, construct, lowest, highest, reversed, text
    (NPS, "Q1", "nps", 0, 10, False, "Würden Sie uns weiterempfehlen?"),
    (NPS, "Q2", "other", None, None, False, "Was ist der wichtigste Grund dafür?"),
    (DELIVERY, "Q1", "csat", 1, 5, False, "Wie zufrieden sind Sie mit der Lieferung?"),
    (DELIVERY, "Q2", "ces", 1, 7, True, "Wie viel Mühe hat es Sie gekostet?"),
    (COMPLAINT, "Q1", "csat", 1, 5, False, "Wie zufrieden sind Sie mit der Lösung?"),
    (COMPLAINT, "Q2", "other", None, None, False, "Was hätten wir besser machen können?"),
    (SATISFACTION, "B1", "brand", 1, 10, False, "Nordlicht ist ein Haus, dem man vertraut."),
    (SATISFACTION, "B2", "brand", 1, 10, False, "Nordlicht hat einen guten Ruf."),
    (SATISFACTION, "B3", "brand", 1, 10, False, "Nordlicht kümmert sich um seine Kunden."),
    (SATISFACTION, "K1", "quality", 1, 10, False, "Die Qualität der Ware ist hoch."),
    (SATISFACTION, "K2", "quality", 1, 10, False, "Auf die Ware ist Verlass."),
    (SATISFACTION, "K3", "quality", 1, 10, False, "Die Beratung ist gut."),
    (SATISFACTION, "V1", "value", 1, 10, False, "Die Preise sind der Qualität angemessen."),
    (SATISFACTION, "V2", "value", 1, 10, False, "Die Qualität ist den Preisen angemessen."),
    (SATISFACTION, "Z1", "satisfaction", 1, 10, False, "Alles in allem bin ich zufrieden."),
    (SATISFACTION, "Z2", "satisfaction", 1, 10, False, "Meine Erwartungen werden erfüllt."),
    (SATISFACTION, "Z3", "satisfaction", 1, 10, False, "Besser könnte ein Versandhaus kaum sein."),
    (SATISFACTION, "W1", "switching_cost", 1, 10, False, "Ein Wechsel würde mich Mühe kosten."),
    (SATISFACTION, "W2", "switching_cost", 1, 10, False, "Anderswo müsste ich lange suchen."),
    (SATISFACTION, "H1", "complaint_handling", 1, 10, False, "Beschwerden werden gut behandelt."),
    (SATISFACTION, "L1", "loyalty", 1, 10, False, "Ich werde wieder bei Nordlicht kaufen."),
    (SATISFACTION, "L2", "loyalty", 1, 10, False, "Einen Preisunterschied würde ich in Kauf nehmen."),
)
REASON_TEXTS = (
    ("Der Zusteller kennt mich schon, Gruß von ", "."),
    ("Zu lange Wartezeit am Telefon, meint ", "."),
    ("Prompt and friendly, thanks from ", "!"),
    ("Die Qualität hat nachgelassen. Grüße, ", "."),
)
CLOSING_TEXTS = (
    ("Bitte rufen Sie mich zurück: ", "."),
    ("Weiter so, schöne Grüße von ", "!"),
    ("Please take me off the list, ", "."),
)
THEMES = ("assembly", "packaging", "storage", "use_together", "instructions", "price_talk")
LATENT_NEEDS = ("less_lifting", "fewer_parcels", "spare_parts", "shared_use", "reminders")
OBSERVATION_NOTES = (
    ("Bei ", " steht das Gerät im Keller, weil es zu schwer ist."),
    ("", " hat sich eine Halterung selbst gebaut."),
    ("Visit at ", ": two people share one tool."),
    ("", " sucht jedes Mal die Anleitung im Netz."),
)

ARTICLE_KINDS = ("product", "service", "supplier", "market", "expert_advice")
ARTICLE_KIND_SHARES = (0.45, 0.20, 0.08, 0.07, 0.20)
TOPICS = ("assembly", "care", "delivery", "returns", "invoice", "contract", "materials", "season")
TITLES = (
    "Richtig aufbauen", "Pflege leicht gemacht", "Wann kommt mein Paket?", "So geht die Rücksendung",
    "Ihre Rechnung verstehen", "Laufzeit und Kündigung", "Woher unsere Hölzer kommen", "Tipps für das Frühjahr",
)  # fmt: skip
QUERIES = (
    ("aufbau anleitung ", ""), ("wie reinige ich ", " ohne kratzer"), ("wo ist mein paket ", ""),
    ("rücksendung etikett ", " drucken"), ("invoice copy ", " please"), ("vertrag kündigen ", ""),
    ("holz herkunft ", ""), ("wann pflanzen ", " hamburg"),
)  # fmt: skip
REASON_TOPICS = (2, 2, 3, 3, 0, 4, 4, 1, 1, 5, 5, 5)
"""Topic of the article that helps with each reason for a complaint."""

BENCHMARKS = (  # metric, unit, mean of the peers, spread between peers, spread between months
    ("median_minutes_to_first_action", "minutes", 980.0, 120.0, 30.0),
    ("first_contact_resolution_rate", "rate", 0.42, 0.06, 0.015),
    ("median_business_hours_to_resolve", "hours", 9.0, 2.0, 0.5),
    ("sla_breach_rate", "rate", 0.15, 0.03, 0.01),
    ("recurrence_rate", "rate", 0.09, 0.02, 0.01),
    ("nps", "points", 28.0, 9.0, 2.0),
    ("csat", "per cent", 68.0, 6.0, 1.5),
    ("response_rate", "rate", 0.24, 0.05, 0.01),
    ("helpful_rate", "rate", 0.72, 0.05, 0.01),
    ("solved_rate", "rate", 0.55, 0.05, 0.01),
)
PEERS = ("Versandhaus Küste", "Branchenschnitt", "Bester im Feld")

STYLES = (  # style, name of an initiative, what members contribute, kind of release, kind of result
    ("prosumerism", "Möbel nach Wunsch", "design", "product", "revenue"),
    ("team_based_co_learning", "Werkstattrunde", "best_practice", "process", "saving"),
    ("mutual_innovation", "Labor mit Kunden", "idea", "product", "revenue"),
    ("communities_of_creation", "Gartenforum", "answer", "service", "saving"),
    ("joint_intellectual_property", "Gemeinsames Patent", "document", "product", "revenue"),
    ("outcome_driven_listening", "Zuhören vor Ort", "interview", "service", "satisfaction"),
    ("outsourcing_to_customers", "Testkreis", "test_report", "beta", "saving"),
)
JOINT_IP = 4
CONTRIBUTION_TEXTS = (
    ("Vorschlag von ", ": der Griff gehört nach oben."),
    ("My kids would love a smaller size, says ", "."),
    ("", " hat es drei Wochen getestet, die Schraube löst sich."),
    ("Wir machen das im Betrieb so, Gruß ", "."),
)
IP_KINDS = ("patent", "design", "trademark", "copyright", "know_how")
INITIATIVE_COSTS = ("staff", "platform", "rewards")
