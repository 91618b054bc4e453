"""The words that made-up records are put together from."""

from __future__ import annotations

from decimal import Decimal

PROJECT_IDS = (
    "as:{}",
    "ws/{}",
    "bü-{}",
    "{}",
    "r&d {}?",
    "50%-{}",
    "pr_{}",
    "pr_{}#b+",
)
CLIENT_NAMES = (
    "Müller & Söhne",
    "Blue Harbour",
    "Café Zoë",
    "Nordlicht Energie",
    'Hôtel "Belle Rive"',
    "Kowalczyk Meble",
    "東京デザイン",
    "O'Brien Legal",
    "Green Valley Foods",
    "Ångström Labs",
)
CLIENT_FORMS = ("GmbH", "Ltd", "S.A.", "AB", "LLC", "e.V.")
WORKS = (
    "Website relaunch",
    "Brand refresh",
    "Online shop",
    "Annual report",
    "Mobile app",
    "Campaign “Frühling”",
    "Data warehouse",
    "Support retainer",
    "Trade fair stand",
)
TASK_NAMES = (
    "Kick-off workshop",
    "Wireframes",
    "Übersetzung prüfen",
    "API integration",
    "Usability test",
    "Fix <title> & meta tags",
    "Photo shooting 📷",
    "Content migration",
    "Invoice 50 % up front",
    "Launch",
)
NOTES = (
    "Call with the client",
    "Second round of changes\nafter feedback",
    'They said "urgent"',
    "Späte Korrekturen, nicht abrechnen",
    "Pairing with Zoë",
)
FIRST_NAMES = ("Ana", "Björn", "Chloé", "Dmitri", "Efua", "Håkon", "Mei", "Tomás")
LAST_NAMES = ("Nguyễn", "Schmidt", "O'Neill", "Kovačević", "Silva", "Æbelø", "王")
ROLES = ("Design", "Development", "Strategy", "Project management")
SKILLS = ("Figma", "Python", "SEO", "Copy", "SQL", "Illustration")
LABELS = ("internal", "rush", "scope-creep", "qualität", "waiting")
CITIES = (("Zürich", "CH"), ("Łódź", "PL"), ("Galway", "IE"), ("São Paulo", "BR"))
RATES = tuple(Decimal(text) for text in ("75.00", "82.50", "95.10", "110.00", "120.25"))
DISCOUNTS = (0, Decimal("2.50"), Decimal("5.00"))
HOURS = tuple(Decimal(25 * number).scaleb(-2) for number in range(1, 33))
"""A quarter of an hour to eight hours: 0.25, 0.50, … 8.00."""
