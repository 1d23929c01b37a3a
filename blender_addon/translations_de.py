"""German: message to text."""

from __future__ import annotations

GERMAN = {
    "Generate Foley": "Foley erzeugen",
    "Fill Edit": "Schnitt füllen",
    "Fill Edit…": "Schnitt füllen…",
    "Fill Edit with Foley…": "Schnitt mit Foley füllen…",
    "Generate sound that fits the picture of the selected strips": (
        "Ton erzeugen, der zum Bild der ausgewählten Strips passt"
    ),
    "Queue": "Warteschlange",
    "Cancel All": "Alle abbrechen",
    "Retry Failed": "Fehlgeschlagene wiederholen",
    "Clear Finished": "Fertige ausblenden",
    "Quality": "Qualität",
    "Draft": "Entwurf",
    "Best": "Beste",
    "Takes": "Takes",
    "Loudness": "Lautheit",
    "As Generated": "Wie erzeugt",
    "Fades": "Blenden",
    "Copy Diagnostics": "Diagnose kopieren",
    "Not Connected": "Nicht verbunden",
    "No Server": "Kein Server",
    "Server Lost, Trying Again…": "Server verloren, neuer Versuch…",
    "Ready: {name} on {device}": "Bereit: {name} auf {device}",
    "Waiting": "Wartet",
    "Waiting for the server": "Wartet auf den Server",
    "Loading Model": "Lädt Modell",
    "Reading Movie": "Liest Film",
    "Watching Picture": "Betrachtet Bild",
    "Making Sound": "Erzeugt Ton",
    "Finishing Sound": "Stellt Ton fertig",
    "Rendering Picture": "Rendert Bild",
    "Cancelling…": "Bricht ab…",
    "Failed": "Fehlgeschlagen",
    "Cancelled": "Abgebrochen",
    "1 take": "1 Take",
    "{count} takes": "{count} Takes",
    "{count} s": "{count} s",
    "{count} min": "{count} min",
    "{time} left": "noch {time}",
    "{ended} of {count}": "{ended} von {count}",
    "1 other job on the server": "1 weiterer Auftrag auf dem Server",
    "{count} other jobs on the server": "{count} weitere Aufträge auf dem Server",
    "Foley generation cancelled": "Erzeugung abgebrochen",
    "Foley generated for '{name}', seed {seed}.": "Foley für '{name}' erzeugt, Seed {seed}.",
    "Foley generated for {made} of {count} strips.": (
        "Foley für {made} von {count} Strips erzeugt."
    ),
    "No Foleyline server answers.": "Kein Foleyline-Server antwortet.",
    "Start it with 'foley-server', or check the address.": (
        "Starten Sie ihn mit 'foley-server' oder prüfen Sie die Adresse."
    ),
    "1 cut": "1 Schnitt",
    "{count} cuts": "{count} Schnitte",
    "1 take each": "je 1 Take",
    "{count} takes each": "je {count} Takes",
    "{cuts}, {length} of sound, {takes}": "{cuts}, {length} Ton, {takes}",
    "About {time}": "Etwa {time}",
    "Nothing to fill": "Nichts zu füllen",
}
