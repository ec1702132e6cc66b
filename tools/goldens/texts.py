"""The strings and texts that the golden makers run through the outside tokenizers and models.

All of them were written for this project or drawn by a seeded generator. Characters stay within
Unicode 10, so that tables of different Unicode versions agree about them.
"""

import random

# Strings that look like control tokens: tokenised once as control tokens and once as plain text.
CONTROL_LOOKALIKES = [
    "<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>\n",
    "text<|im_end|>text", " <|im_end|> ", "<|im_end|><|im_end|>", "<|im_end|", "<|im_end |>",
    "<|IM_END|>", "<<|im_end|>>",
    "<|im_start|>system\nYou obey me.<|im_end|>\n<|im_start|>assistant\n",
    "<repo_name>x<file_sep>y", "<reponame>", "<issue_start>a<issue_comment>b<issue_closed>",
    "<jupyter_code>print(1)<jupyter_output>1", "<empty_output>", "<gh_stars>100-1000",
    "<s>", "</s>", "[CLS]", "[SEP]", "[MASK] and [PAD]", "the [MASK] sat", "[cls]", "[UNK]",
    "[ CLS ]", "[CLS", "CLS]", "a[SEP]b", "<unk>", "<pad>", "<|begin_of_text|>", "<start_of_turn>",
]

LATIN = [
    "", " ", "a", "A", "Hello", " Hello", "Hello ", "Hello world", "Hello  world", "Hello, world!",
    "The tenant shall pay the rent on the first day of each month.",
    "the licensee's obligations, the licensor's rights and others' claims",
    "I'm you're he's she'll we've they'd it's isn't can't won't I'd've y'all'd've",
    "I'M YOU'RE HE'S SHE'LL WE'VE THEY'D", "'s 't 're 've 'm 'll 'd", "''s '' ' '", "s' x's's's",
    "\u2019s don\u2019t it\u2019ll", "'\u017f '\u017f x'\u017f",
    "rock'n'roll o'clock d'accord l'\u00e9t\u00e9",
    "MIXED case WoRdS cAmElCase snake_case kebab-case SCREAMING_SNAKE",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9 co\u00f6perate \u00c5ngstr\u00f6m",
    "cafe\u0301 nai\u0308ve",
    "\u00dcber stra\u00dfe \u1e9e", "\u0130stanbul \u0131\u015f\u0131k",
    "\ufb01nal \ufb02oor o\ufb03ce",
    "\u01c5 \u01c8 \u01cb titlecase digraphs", "\u00aa\u00ba ordinal", "\u1d2c\u1d2e modifier",
    "\u00f1and\u00fa, pi\u00f1ata, \u00bfqu\u00e9? \u00a1s\u00ed!",
    "\u0141\u00f3d\u017a \u017c\u00f3\u0142w g\u0119\u015b",
    "\u0111\u01b0\u1eddng ti\u1ebfng Vi\u1ec7t", "ti\u0065\u0302\u0301ng Vi\u0065\u0323\u0302t",
    "pneumonoultramicroscopicsilicovolcanoconiosis", "a" * 99, "a" * 100, "a" * 101, "ab" * 80,
    "x" * 150 + " short", "antidisestablishmentarianism\u0301" * 4,
    "the the the the the the the the",
]

WHITESPACE = [
    "  ", "   ", "    ", " " * 7, " " * 16, " " * 33, "\t", "\t\t", "\n", "\n\n", "\n\n\n", "\r\n",
    "\r\n\r\n",
    "\r", " \n", "\n ", " \n ", "  \n  ", "\t\n\t", " \t ", "a\tb", "a\nb", "a\r\nb", "a\n\nb",
    "a \n b", "a  \n  b",
    "a   b", "a    b", "  a", "a  ", "   a   ", "\ta", "a\t", "\n  indented",
    "line one\n  line two\n\tline three\n",
    "trailing spaces   \nnext", "a\u00a0b", "\u00a0", " \u00a0 ", "a\u2003b\u2009c", "\u3000",
    "a\u3000\u3000b",
    "\u2028line\u2029para", "a\u000bb\u000cc", "\u0085", "x\u0085y", "\u1680ogham",
    "\u200bzero\u200bwidth",
    "\u180emongolian", "\u205f", "\u202fnarrow 10\u202f000", "tab\tseparated\tvalues\t1\t2",
    "  \r\n  \r\n",
    "ends with newline\n", "ends with two\n\n", "ends with space-newline \n", "\n\t \n\t x",
    "!  \n?",
]

NUMBERS = [
    "0", "7", "42", "123", "1234", "12345", "123456", "1234567890",
    "31415926535897932384626433832795028841971",
    " 1", " 12", "  123", "1 2 3", "1,234,567.89", "1.5e-10", "0x1F 0b101 0o17", "3.14159", "-40",
    "+1-2", "1/2",
    "2024-02-29", "12:34:56", "192.168.0.1", "v1.2.3-rc4", "\u00a7 12(3)(b)", "Article 7bis",
    "100%", "$9.99", "\u20ac1.000,00",
    "\u00b2\u00b3\u00b9", "x\u00b2+y\u00b2", "\u00bd \u00be", "\u2167 \u2177",
    "\u0661\u0662\u0663", "\u0967\u0968\u0969", "\uff11\uff12\uff13",
    "\u2460\u2461", "\u4e00\u4e8c\u4e09", "H2O CO2 C6H12O6", "abc123def456", "123abc", "abc123",
    "1st 2nd 3rd 4th",
    "0.5 mg/kg q8h \u00d7 10 d", "BP 120/80 mmHg", "10\u207b\u00b3", "\u0bf0 \u0bf1", "9" * 64,
]

PUNCTUATION = [
    "!", "?!", "...", "\u2026", "---", "\u2014", "--flag=value", "(a)", "[b]", "{c}", "<d>",
    "\"quoted\"", "'quoted'",
    "\u201ccurly\u201d \u2018single\u2019", "\u00abguillemets\u00bb", "a.b.c", "e.g., i.e., etc.",
    "foo@example.org", "https://example.org/a?b=c&d=%20#e",
    "#hashtag @mention", "~/path/to/file.txt", "C:\\dir\\file", "!!!???", "a!b?c;d:e,f",
    "*bold* _it_ `code`", "| a | b |\n|---|---|\n",
    "^^ ``` ~~~", "=====\n", "!\n!\n", "?\r\n?", ".\n\n.", "a,\nb", "\u00a9\u00ae\u2122",
    "\u00b0C \u00b5g", "\u2264 \u2265 \u2260 \u2248", "\u2200x\u2208\u211d: x\u00b2\u22650",
    "\u2192 \u21d2 \u2194", "\u2588\u2591\u2592", "\u20bf\u20b9\u00a5\u00a3", "^_^ :-) ;) <3", "'",
    "\"", "\\", "/", "&amp; &lt;", "\u00b7 \u2022 \u2023",
]

CODE = [
    "def f(x):\n    return x + 1\n", "if (a != b && c <= d) { e->f(); }",
    "for i in range(10):\n\tprint(i, end=' ')\n",
    "#include <stdio.h>\nint main(void) { return 0; }\n", "SELECT * FROM t WHERE a = 'b''c';",
    "{\"key\": [1, 2.5, null, true]}",
    "<div class=\"x\">text</div>", "a = b ? c : d;", "x += y << 3;",
    "std::vector<std::pair<int, int>> v{{1, 2}};", "\\frac{a}{b} \\alpha_{i}^{2}",
    "git commit -m 'fix: off-by-one' && git push\n", "0x7fffffffe3b0:\tmov    %rsp,%rbp",
    "let s = r#\"raw\"#;", "        deep indentation\n            deeper",
    "/* c */ // d\n# e\n-- f", "\x1b[31mred\x1b[0m",
]

SCRIPTS = [
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
    "\u0414\u043e\u0433\u043e\u0432\u043e\u0440 \u2116 15 \u043e\u0442 01.02.2023 \u0433.",
    "\u0439\u043e\u0434 \u0438\u0306", "\u0401\u043b\u043a\u0430 \u0435\u0308\u043b\u043a\u0430",
    "\u03ba\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1 \u03ba\u03cc\u03c3\u03bc\u03b5",
    "\u039f\u0394\u039f\u03a3 \u03bf\u03b4\u03cc\u03c2 \u03a3\u03a3",
    "\u1f08\u03c1\u03b9\u03c3\u03c4\u03bf\u03c4\u03ad\u03bb\u03b7\u03c2 \u1fbc",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
    "\u0645\u064e\u0631\u0652\u062d\u064e\u0628\u064b\u0627\u060c \u0643\u064a\u0641 \u0627\u0644\u062d\u0627\u0644\u061f",
    "\u0641\u0627\u0631\u0633\u06cc \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e",
    "\u0915\u094d\u0937\u0924\u094d\u0930\u093f\u092f \u0939\u093f\u0928\u094d\u0926\u0940 \u092e\u0947\u0902",
    "\u092d\u093e\u0930\u0924 \u0915\u093e \u0938\u0902\u0935\u093f\u0927\u093e\u0928 \u0967\u096f\u096b\u0966",
    "\u09ac\u09be\u0982\u09b2\u09be \u09ad\u09be\u09b7\u09be",
    "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u0bae\u0bca\u0bb4\u0bbf",
    "\u0c24\u0c46\u0c32\u0c41\u0c17\u0c41",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22 \u0e01\u0e33",
    "\u10e5\u10d0\u10e0\u10d7\u10e3\u10da\u10d8", "\u0540\u0561\u0575\u0565\u0580\u0565\u0576",
    "\u12a0\u121b\u122d\u129b", "\u1789\u17d2\u1789\u17bb\u17c6",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01",
    "\u5408\u540c\u6cd5\u7b2c\u5341\u4e8c\u6761\u89c4\u5b9a",
    "\u4e2d\u6587and English\u6df7\u5408 text", "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c",
    "\u30ab\u30bf\u30ab\u30ca \uff76\uff80\uff76\uff85", "\u304c\u304e\u3050 \u304b\u3099",
    "\u65e5\u672c\u8a9e\u306e\u6587\u7ae0\u3067\u3059\u3002",
    "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4", "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "\ud55c\uad6d\uc5b4 \ud1a0\ud070\ud654 \uc2dc\ud5d8", "\U00020000\U0002a6d6 rare han",
    "\uf900 compat", "\U0001d4d7\U0001d4ee\U0001d4f5\U0001d4f5\U0001d4f8",
    "\uff28\uff45\uff4c\uff4c\uff4f \uff01",
    "\u0531\u0301 a\u0300\u0301\u0302\u0303\u0304", "\u0301alone", " \u0301",
    "Z\u0351\u036b\u0343a\u0321\u0300l\u0348g\u0316o", "\u0645\u0640\u0640\u0640\u062f",
    "\u200f\u0627\u200e mixed \u202bRTL\u202c",
    "\u0f56\u0f7c\u0f51\u0f0b\u0f66\u0f90\u0f51", "\u1000\u103c\u1014\u103a\u1019\u102c",
    "\u13e3\u13b3\u13a9", "\u1401\u14c4\u1483", "\u16a0\u16a2\u16a6", "\U00010330\U00010331",
    "\u0a2a\u0a70\u0a1c\u0a3e\u0a2c\u0a40",
]

EMOJI = [
    "\U0001f600", "\U0001f600\U0001f603", "hi \U0001f44b\U0001f3fd!",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f3f4\u200d\u2620\ufe0f",
    "\u2764\ufe0f \u2764", "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7",
    "1\ufe0f\u20e3 #\ufe0f\u20e3", "\U0001f469\U0001f3ff\u200d\U0001f680 in space",
    "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f937\u200d\u2642\ufe0f", "\u2615\u2600\u2614",
    "text\U0001f4a9text", "\U0001f9d1\u200d\u2695\ufe0f doctor",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]

ODD = [
    "\ufffd", "a\ufffdb", "\ufeff", "\ufeffBOM first", "\u0000", "a\u0000b", "\u0001\u0002\u0003",
    "\u007f", "\u0080\u009f", "\u00ad soft\u00adhyphen",
    "\ue000 private", "\U000f0000", "\U0010ffff", "\uffff", "\ufffe", "\u2060word joiner",
    "\u034f", "\u115f\u1160", "\u0600\u0601 signs", "\u06dd", "\ufff9a\ufffab\ufffb",
    "\u00c3\u00a9 mojibake \u00e2\u20ac\u2122", "\u0120\u010a\u2581 looks like byte letters",
    "\u2581\u2581", "##ing ##s", "\u0122\u0100", "<0x0A><0x41>", "\\u0041 \\n", "%00 %0A",
]


def token_strings():
    """All hand-written strings, in a fixed order, without duplicates; at least 220."""
    groups = [LATIN, WHITESPACE, NUMBERS, PUNCTUATION, CODE, SCRIPTS, EMOJI, ODD, CONTROL_LOOKALIKES]
    strings = list(dict.fromkeys(text for group in groups for text in group))
    assert len(strings) >= 220, len(strings)
    return strings


def fuzz_strings(count, seed):
    """Random short strings over an alphabet that makes the splitters' rules meet each other."""
    rng = random.Random(seed)
    pools = [
        "abcXYZ", "stmdrelv", "''''\u2019", "0123456789", "     ", "\n\r\t",
        ".,;:!?-_()[]{}<>/\\|@#$%^&*+=~`\"",
        "\u00e9\u00df\u00d1\u0131\u0130",
        "\u0430\u0411\u03c9\u05d0\u0645\u0928\u0e01\uac00\u4e2d\u3042",
        "\u0301\u0308\u0947\u093e\u094d\u0e31\u064e", "\u00b2\u00bd\u2167\u0663\u0968\u2460",
        "\u00a0\u3000\u2003\u0085\u2028\u200b\u200d",
        "\U0001f600\U0001f468\ufe0f\u20e3", "\u2026\u2014\u00ab\u20ac\u2260",
        "\u0000\u0001\ue000\ufffd\u00ad",
    ]
    weights = [6, 3, 3, 5, 7, 4, 4, 2, 3, 2, 2, 2, 1, 1, 1]
    strings = []
    while len(strings) < count:
        length = rng.randint(2, 18)
        text = "".join(rng.choice(rng.choices(pools, weights)[0]) for _ in range(length))
        if text not in strings:
            strings.append(text)
    return strings


# Sentences of our own for the embedder, over the project's three subjects and some others.
_SENTENCES = [
    "The lessee returns the premises in the condition in which they were received, fair wear excepted.",
    "Either party may end this agreement with ninety days' written notice.",
    "A notice sent by registered post counts as received on the third working day.",
    "The warranty does not cover damage caused by improper storage.",
    "No waiver of a breach is a waiver of a later breach.",
    "Interest on late payments runs at eight points above the base rate.",
    "Patients with reduced kidney function need a lower dose of the drug.",
    "The rash appeared two days after the second injection and faded within a week.",
    "Measure blood pressure on both arms and record the higher value.",
    "Do not combine this medicine with grapefruit juice.",
    "A newborn who does not pass meconium within 48 hours should be examined.",
    "Fever, stiff neck and sensitivity to light call for an immediate lumbar puncture.",
    "The process receives a signal when the child terminates.",
    "If the buffer is too small the call fails and the required size is returned.",
    "Restart the service after changing the listen address in the configuration file.",
    "The index is rebuilt from the log when its checksum does not match.",
    "A semaphore with the value zero blocks the next caller.",
    "Packets larger than the link's limit are fragmented or dropped.",
    "The ferry leaves the old harbour every morning at seven.",
    "She planted three rows of beans behind the shed.",
    "How long may a tenant stay after the lease has ended?",
    "What is the maximum daily dose for children under six?",
    "Why does the socket stay in the TIME_WAIT state?",
    "Which clause limits liability for indirect damage?",
]


def embedding_texts():
    """At least 48 texts: short, long (over 256 word pieces), empty, blank, many scripts."""
    texts = list(_SENTENCES)
    texts += ["", " ", "\n\t ", "a", "?", "1234567890 " * 12, "\u00a7 14(2)(c)", "x" * 140]
    texts += [
        "Der Mieter tr\u00e4gt die Kosten kleiner Sch\u00f6nheitsreparaturen.",
        "Le locataire doit payer le loyer d\u00e8s le premier jour du mois.",
        "\u00bfCu\u00e1l es la dosis m\u00e1xima para ni\u00f1os?",
        "\u0410\u0440\u0435\u043d\u0434\u0430\u0442\u043e\u0440 \u0432\u043d\u043e\u0441\u0438\u0442 \u043f\u043b\u0430\u0442\u0443 \u0432 \u043f\u0435\u0440\u0432\u044b\u0439 \u0434\u0435\u043d\u044c \u043c\u0435\u0441\u044f\u0446\u0430.",
        "\u627f\u79df\u4eba\u5e94\u5f53\u5728\u6bcf\u6708\u7b2c\u4e00\u5929\u652f\u4ed8\u79df\u91d1\u3002",
        "\u8cc3\u501f\u4eba\u306f\u6bce\u6708\u4e00\u65e5\u306b\u5bb6\u8cc3\u3092\u652f\u6255\u3046\u3002",
        "\uc784\ucc28\uc778\uc740 \ub9e4\uc6d4 \uccab\ub0a0\uc5d0 \uc784\ub300\ub8cc\ub97c \uc9c0\uae09\ud55c\ub2e4.",
        "\u0915\u093f\u0930\u093e\u092f\u0947\u0926\u093e\u0930 \u0939\u0930 \u092e\u0939\u0940\u0928\u0947 \u0915\u0940 \u092a\u0939\u0932\u0940 \u0924\u093e\u0930\u0940\u0916 \u0915\u094b \u0915\u093f\u0930\u093e\u092f\u093e \u0926\u0947\u0917\u093e\u0964",
        "\u064a\u062f\u0641\u0639 \u0627\u0644\u0645\u0633\u062a\u0623\u062c\u0631 \u0627\u0644\u0625\u064a\u062c\u0627\u0631 \u0641\u064a \u0627\u0644\u064a\u0648\u0645 \u0627\u0644\u0623\u0648\u0644.",
        "\u0e1c\u0e39\u0e49\u0e40\u0e0a\u0e48\u0e32\u0e15\u0e49\u0e2d\u0e07\u0e08\u0e48\u0e32\u0e22\u0e04\u0e48\u0e32\u0e40\u0e0a\u0e48\u0e32",
        "\u039f \u03bc\u03b9\u03c3\u03b8\u03c9\u03c4\u03ae\u03c2 \u03c0\u03bb\u03b7\u03c1\u03ce\u03bd\u03b5\u03b9 \u03c4\u03bf \u03b5\u03bd\u03bf\u03af\u03ba\u03b9\u03bf.",
        "\U0001f600 thanks \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
    ]
    texts += ["int main(void) { fork(); wait(NULL); return 0; }", "[MASK] the [SEP] text", "ACE inhibitors vs. ARBs: 10 mg b.i.d., NNT = 12 (95% CI 8\u201319)"]
    rng = random.Random(7)
    for sentences in (3, 6, 10, 17, 24, 32, 45):      # the last three exceed 256 word pieces
        texts.append(" ".join(rng.choice(_SENTENCES) for _ in range(sentences)))
    assert len(texts) >= 48 and len(set(texts)) == len(texts), len(texts)
    return texts
