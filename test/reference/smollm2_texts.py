"""The texts of the SmolLM2 reference data, written for it, and a long document made by rule."""

import json
import random

TEXTS = {
    "english": "The lighthouse keeper counted the ships each evening and wrote their names in a blue ledger. When the storm came in "
    "from the west, he lit the lamp an hour early, because he knew that the ferry was still out and that her captain never turned back.",
    "python": "def merge_sorted(left, right):\n    \"\"\"Merge two sorted lists into one sorted list.\"\"\"\n    merged = []\n    i = j = 0\n"
    "    while i < len(left) and j < len(right):\n        if left[i] <= right[j]:\n            merged.append(left[i])\n            i += 1\n        else:\n",
    "typescript": "export async function fetchJson<T>(url: string, retries = 3): Promise<T> {\n  for (let attempt = 0; attempt < retries; attempt++) {\n"
    "    const response = await fetch(url);\n    if (response.ok) return (await response.json()) as T;\n    await sleep(2 ** attempt * 100);\n  }\n",
    "rust": "impl Stack {\n    pub fn push(&mut self, value: i64) {\n        self.items.push(value);\n    }\n\n    pub fn pop(&mut self) -> Option<i64> {\n        self",
    "sql": "SELECT c.name, COUNT(o.id) AS orders, SUM(o.total) AS revenue\nFROM customers c\nLEFT JOIN orders o ON o.customer_id = c.id\n"
    "WHERE o.created_at >= '2023-01-01'\nGROUP BY c.name\nHAVING COUNT(o.id) > 5\nORDER BY",
    "json": '{"id": 4711, "user": {"name": "Ada", "email": "ada@example.org", "roles": ["admin", "editor"]}, "items": [{"sku": "A-100", "qty": 2, '
    '"price": 19.99}, {"sku": "B-205", "qty": 1, "price":',
    "numbers": "Pi is 3.14159265358979323846264338327950288, e is 2.71828182845904523536028747135266249, and the square root of two is 1.41421356237",
    "arithmetic": "17 + 25 = 42\n138 + 264 = 402\n1,250 - 375 = 875\n12 * 12 = 144\n99 * 3 = 297\n1000 / 8 = 125\n45 + 55 =",
    "german": "Am nächsten Morgen lag Schnee auf den Dächern der kleinen Stadt, und die Kinder liefen schon vor dem Frühstück hinaus, um zu sehen, "
    "ob der Teich gefroren war. Der Bäcker öffnete",
    "french": "La bibliothèque était presque vide ce soir-là. Une étudiante lisait près de la fenêtre, et l'on entendait seulement la pluie qui "
    "tombait sur les toits de la",
    "spanish": "El río baja despacio entre los campos de trigo, y en la orilla los pescadores hablan de los años en que el agua era más clara y los "
    "peces",
    "russian": "Москва — столица России. В городе живёт больше двенадцати миллионов человек, и каждый день",
    "chinese": "今天天气很好，我们一起去公园散步。北京是中国的首都，",
    "japanese": "東京は日本の首都です。春になると、桜の花が咲きます。私は毎朝",
    "arabic": "القاهرة هي عاصمة مصر وأكبر مدنها. يمر نهر النيل",
    "hindi": "भारत एक विशाल देश है और दिल्ली उसकी",
    "emoji": "Party tonight! 🎉🎂 Bring snacks 🍕🍟 and drinks 🥤. See you at 8pm 😀👍🏽 — don't be late ⏰ 👩‍👩‍👧",
    "markdown": "# Sourdough bread\n\n## Ingredients\n\n| Item | Amount |\n|------|--------|\n| Flour | 500 g |\n| Water | 350 g |\n| Salt | 10 g |\n\n## Steps\n\n1. Mix the flour and the water and let them rest for",
    "html": '<ul class="menu">\n  <li><a href="/index.html">Home</a></li>\n  <li><a href="/about.html">About</a></li>\n  <li><a href="/contact.html">',
    "list": "The planets of the solar system, in order from the sun, are:\n\n1. Mercury\n2. Venus\n3. Earth\n4.",
    "spaces": "x\t=  1;\r\n\r\n    indented   with\t\ttabs  and     runs of  12 spaces\n\n\n   end of   line   \n",
    "science": "Photosynthesis is the process by which green plants turn light into chemical energy. In the chloroplasts, water is split into oxygen, "
    "protons and electrons, and the energy that is set free is stored in molecules of ATP and NADPH, which the Calvin cycle then uses to",
}

CHATS = {
    "chat_one_turn": [{"role": "user", "content": "What is the capital of France, and what is it known for?"}],
    "chat_system": [
        {"role": "system", "content": "You are a terse assistant. Answer in one sentence."},
        {"role": "user", "content": "Why is the sky blue?"},
    ],
    "chat_three_turns": [
        {"role": "user", "content": "My name is Tom and I keep three goats."},
        {"role": "assistant", "content": "Nice to meet you, Tom! Goats are lively company."},
        {"role": "user", "content": "How many goats do I keep, and what is my name?"},
        {"role": "assistant", "content": "You keep three goats, and your name is Tom."},
        {"role": "user", "content": "Write a haiku about them."},
    ],
    "chat_code": [{"role": "user", "content": "Write a Python function that returns the n-th Fibonacci number.\n\n```python\ndef fib(n):\n```"}],
    "chat_unicode": [
        {"role": "system", "content": "Ты — полезный помощник. 🙂"},
        {"role": "user", "content": "  Übersetze bitte: «Guten Morgen» → 日本語  \n"},
    ],
    "chat_markup": [{"role": "user", "content": "What do <b>, </s> and [INST] mean, and is 2 < 3 && 4 > 1 in C?"}],
}

_NAMES = ["Mara", "Ivo", "Lena", "Otis", "Pavel", "Ruth", "Sami", "Wanda"]
_PLACES = ["the mill", "the north ridge", "the harbour", "the old quarry", "the orchard", "the ferry landing"]
_THINGS = ["copper wire", "seed potatoes", "lamp oil", "rope", "window glass", "salt", "wool blankets", "nails"]
_WEATHER = ["clear and cold", "rain until noon", "fog over the river", "a dry east wind", "the first frost", "warm for the season"]
_DEEDS = [
    "{a} brought {n} measures of {t} to {p}, because the bridge was closed.",
    "Before the council met, {a} and {b} counted the {t} at {p} twice and found {n} measures missing.",
    "Nobody had asked {a} to sell the {t}; still, {n} measures went down the river today, and {b} kept the receipt.",
    "It took {n} people to repair the roof of {p}. {a} paid them in {t}, which {b} called generous.",
    "At {p} the snow is as deep as a child of {n}. {a} went there on skis for {t} and came back with a cold.",
    "{b} lent {a} a cart for the {t}, on the condition that it be back from {p} within {n} days.",
    "A stranger asked for {a} at {p}, bought {n} measures of {t} without haggling, and left by the morning boat.",
    "School was shut for {n} hours: {a} had stored {t} in the classroom, as the cellar at {p} is flooded.",
]
_ASIDES = [
    '"{t} again," said {b}, "and who is to pay for it this time?" {a} only shrugged and went home by way of {p}.',
    "{b} thinks that the path to {p} should be mended before winter. Nobody has answered yet.",
    "In the evening {b} told the children how {p} got its name, and each time the story grows by one bear.",
    "The two of them did not speak on the way back. {b} carried the lantern, {a} the {t}.",
    "Question put to the council: may {b} keep bees near {p}? Decided: yes, but not on market days.",
    "{a} has written to the county about it, in verse, which will hardly help.",
    "If the {t} lasts until spring, {b} wins the bet; if it does not, {a} must sing at the wedding.",
    "The dog that lives near {p} has had {n} puppies, and {b} is to have the spotted one.",
    "Old {b} remembers a year when {t} was worth more than silver, and says so at every meal.",
    "Heard at {p}: a bell, although the tower there has had no bell since the fire.",
    "{a} measured the river at {n} feet and a hand. The mark from the great flood is still far above.",
    "What {b} found behind {p}, wrapped in oilcloth, will be opened on Sunday before witnesses.",
]


def long_document(days=110):
    """A village's chronicle: dated prose, ledgers, letters, small programs and records that refer to each other."""
    draw = random.Random(20)
    stock = {thing: draw.randint(10, 90) for thing in _THINGS}
    parts = ["# Chronicle of the village of Aldersford\n\nKept by the clerk, with ledgers, letters and other papers bound in.\n"]
    for day in range(1, days + 1):
        a, b = draw.sample(_NAMES, 2)
        words = {"a": a, "b": b, "t": draw.choice(_THINGS), "p": draw.choice(_PLACES), "n": draw.randint(2, 9)}
        stock[words["t"]] += draw.choice([-1, 1]) * words["n"]
        parts += [f"\n## Day {day}: {draw.choice(_WEATHER)}\n", draw.choice(_DEEDS).format(**words)]
        parts += [aside.format(**words) for aside in draw.sample(_ASIDES, draw.randint(0, 2))]
        if day % 4 == 0:
            parts.append(_paper(draw, day, a, b, stock))
    return "\n".join(parts)


def _paper(draw, day, writer, other, stock):
    kind = draw.randint(0, 3)
    some = draw.sample(sorted(stock.items()), 3)
    if kind == 0:
        rows = "\n".join(f"| {thing} | {count} | {count * 3 % 17 + 2}.50 |" for thing, count in some)
        return f"\nLedger after day {day}:\n\n| goods | measures | price |\n|---|---|---|\n{rows}\n"
    if kind == 1:
        missing, place = some[0][0], draw.choice(_PLACES)
        return f"\nLetter, found at {place}:\n\n    Dear {other},\n    the {missing} did not arrive. Please send word,\n    or come yourself.\n    Yours, {writer}\n"
    if kind == 2:
        record = {"day": day, "clerk": writer, "witness": other, "stock": dict(some), "sealed": draw.random() < 0.5}
        return "\nRecord:\n" + json.dumps(record, indent=1) + "\n"
    first, less = draw.randint(200, 999), draw.randint(1, 9)
    return (
        f"\nThe schoolmaster's exercise:\n\n```python\ndef measures_left(day):\n    # {other} asked for this on day {day}\n"
        f"    return {first} - {less} * day\n```\n"
    )
