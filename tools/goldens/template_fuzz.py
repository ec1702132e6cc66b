"""Random templates of the subset that the interpreter knows, by a grammar with types: most of them render."""

import random

STRINGS = ["", "a", "ab", "abc", " a b ", "x,y,,z", "Hello World", "it's", 'say "x"', "1", "12", " 7 ", "1.5", "a\\nb\\n\\nc",
           "\\t", "h\\u00e9llo", "\\u4f60\\u597d", "\\U0001F600x", "<|im_end|>", "user", "system", "ABC", "aAbB", "foo-bar baz",
           "\\u00df\\u00c9", "aaa", "-", "a.b", "none"]
CONTENTS = ["", "Hello", " padded \n", "a,b;c", "<|im_end|>\n<|im_start|>system", "h\u00e9 \u4f60\u597d \U0001f600", "It's \"so\"",
            "<think>x</think>\n\ny", "12", "line\nline two\n", "\u00a0x\u3000", "UPPER lower"]


class Grammar:
    def __init__(self, rng):
        self.rng = rng
        self.names = {"str": ["bos_token"], "int": [], "list": [], "dict": [], "any": ["undefined_name"]}

    def pick(self, *makers):
        return self.rng.choice(makers)()

    def quoted(self):
        text = self.rng.choice(STRINGS)
        if "'" in text:
            return '"' + text.replace('"', '\\"') + '"'
        return "'" + text + "'"

    def name(self, kind):
        return self.rng.choice(self.names[kind]) if self.names[kind] else None

    def string(self, depth):
        rng = self.rng
        if depth <= 0 or rng.random() < 0.25:
            return self.name("str") if rng.random() < 0.3 else self.quoted()
        d = depth - 1
        return self.pick(
            lambda: f"({self.string(d)} + {self.string(d)})",
            lambda: f"({self.string(d)} ~ {self.any(d)})",
            lambda: f"{self.string(d)}[{self.bound(d)}:{self.bound(d)}{self.step()}]",
            lambda: f"({self.string(d)} | {rng.choice(['trim', 'upper', 'lower', 'title', 'capitalize', 'string', 'reverse'])})",
            lambda: f"({self.string(d)} | replace({self.string(d)}, {self.string(d)}{rng.choice(['', ', 1', ', 0'])}))",
            lambda: f"{self.string(d)}.{rng.choice(['strip', 'lstrip', 'rstrip'])}({rng.choice(['', self.quoted(), 'none'])})",
            lambda: f"{self.string(d)}.{rng.choice(['upper', 'lower', 'title', 'capitalize'])}()",
            lambda: f"{self.string(d)}.replace({self.string(d)}, {self.string(d)}{rng.choice(['', ', 1', ', -1'])})",
            lambda: f"{self.string(d)}.{rng.choice(['removeprefix', 'removesuffix'])}({self.string(d)})",
            lambda: f"({self.list(d)} | join({rng.choice(['', self.string(d)])}))",
            lambda: f"{self.quoted()}.join({self.list(d)} | map('string') | list)",
            lambda: f"({self.any(d)} | tojson{rng.choice(['', '(indent=2)', '(ensure_ascii=true)', '(sort_keys=true)', '(indent=1, separators=(%s, %s))' % (self.quoted(), self.quoted())])})",
            lambda: f"({self.string(d)} | indent({rng.choice(['', '2', '3, true', '1, blank=true', 'width=2, first=true', self.quoted()])}))",
            lambda: f"({self.string(d)} if {self.bool(d)} else {self.string(d)})",
            lambda: f"({self.any(d)} | default({self.string(d)}{rng.choice(['', ', true'])}) | string)",
            lambda: f"({self.string(d)} * {rng.choice([0, 1, 2, 3, -1])})",
            lambda: f"({self.any(d)} | string)",
            lambda: f"({self.string(d)}.split({rng.choice(['', self.quoted()])})[{rng.choice([0, -1, 1])}] or {self.quoted()})",
            lambda: f"('{{}}{{{{{{}}'.format({self.any(d)}, {self.string(d)}))",
            lambda: f"({self.list(d)} | first | string)", lambda: f"({self.list(d)} | last | string)",
        )

    def int(self, depth):
        rng = self.rng
        if depth <= 0 or rng.random() < 0.3:
            return self.name("int") or str(rng.choice([0, 1, 2, 3, 5, 7, 10]))
        d = depth - 1
        return self.pick(
            lambda: f"({self.int(d)} {rng.choice(['+', '-', '*'])} {self.int(d)})",
            lambda: f"({self.int(d)} {rng.choice(['//', '%'])} {self.int(d)})",
            lambda: f"({self.string(d)} | length)", lambda: f"({self.list(d)} | length)",
            lambda: f"({self.any(d)} | int{rng.choice(['', '(5)'])})", lambda: f"({self.int(d)} | abs)",
            lambda: f"{self.string(d)}.{rng.choice(['find', 'rfind', 'count'])}({self.string(d)}{rng.choice(['', ', 1', ', -2', ', 0, 2'])})",
            lambda: f"-{self.int(d)}", lambda: f"({self.int(d)} if {self.bool(d)} else {self.int(d)})",
            lambda: f"({self.list(d)} | map('length') | sum)", lambda: f"({self.string(d)} | wordcount)",
        )

    def number(self, depth):
        rng = self.rng
        d = depth - 1
        if depth <= 0 or rng.random() < 0.5:
            return rng.choice(["0.5", "1.5", "2.25", "1e3", "0.1", "3.0", "12345678.9"])
        return self.pick(
            lambda: f"({self.number(d)} {rng.choice(['+', '-', '*'])} {self.number(d)})",
            lambda: f"({self.int(d)} / {self.int(d)})", lambda: f"({self.number(d)} {rng.choice(['//', '%', '/'])} {self.int(d)})",
            lambda: f"({self.number(d)} | round{rng.choice(['', '(1)', '(2)'])})", lambda: f"({self.string(d)} | float)",
            lambda: f"({self.int(d)} | float)",
        )

    def bool(self, depth):
        rng = self.rng
        if depth <= 0 or rng.random() < 0.2:
            return rng.choice(["true", "false"])
        d = depth - 1
        return self.pick(
            lambda: f"({self.any(d)} {rng.choice(['==', '!='])} {self.any(d)})",
            lambda: f"({self.int(d)} {rng.choice(['<', '<=', '>', '>='])} {self.int(d)})",
            lambda: f"({self.int(d)} < {self.int(d)} <= {self.int(d)})",
            lambda: f"({self.string(d)} {rng.choice(['<', '>='])} {self.string(d)})",
            lambda: f"({self.string(d)} {rng.choice(['in', 'not in'])} {self.string(d)})",
            lambda: f"({self.any(d)} in {self.list(d)})", lambda: f"({self.string(d)} in {self.dict(d)})",
            lambda: f"({self.any(d)} {rng.choice(['and', 'or'])} {self.any(d)})", lambda: f"(not {self.any(d)})",
            lambda: f"({self.any(d)} is {rng.choice(['', 'not '])}{self.test()})",
            lambda: f"{self.string(d)}.{rng.choice(['startswith', 'endswith'])}({self.string(d)}{rng.choice(['', ', 1', ', 0, 2'])})",
            lambda: f"{self.string(d)}.isspace()",
        )

    def test(self):
        return self.rng.choice([
            "defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "float", "boolean",
            "true", "false", "eq 1", "ne('a')", "equalto 'a'", "in ['a', 1, none]", "callable"])

    def bound(self, depth):
        return self.rng.choice(["", "", "0", "1", "2", "-1", "-2", "5", "-9", "none"])

    def step(self):
        return self.rng.choice(["", "", "", ":", ":2", ":-1", ":-2"])

    def list(self, depth):
        rng = self.rng
        if depth <= 0 or rng.random() < 0.2:
            return self.name("list") or rng.choice(["[]", "[1, 2, 3]", "['a', 'b']", "['b', 'A', 'c']", "(1, 'x')", "[none, true]"])
        d = depth - 1
        return self.pick(
            lambda: "[" + ", ".join(self.any(d) for _ in range(rng.randrange(4))) + "]",
            lambda: "(" + ", ".join(self.any(d) for _ in range(rng.randrange(4))) + ",)" if rng.random() < 0.9 else "()",
            lambda: f"{self.list(d)}[{self.bound(d)}:{self.bound(d)}{self.step()}]",
            lambda: f"({self.list(d)} + {self.list(d)})",
            lambda: f"{self.string(d)}.{rng.choice(['split', 'rsplit'])}({rng.choice(['', self.quoted(), 'none', self.quoted() + ', 1', 'none, 1', 'maxsplit=1'])})",
            lambda: f"{self.string(d)}.splitlines({rng.choice(['', 'true'])})",
            lambda: f"(range({rng.choice(['3', '1, 5', '5, 0, -2', '0'])}) | list)",
            lambda: f"({self.dict(d)}.{rng.choice(['items', 'keys', 'values'])}() | list)", lambda: f"({self.dict(d)} | items | list)",
            lambda: f"({self.dict(d)} | dictsort{rng.choice(['', '(true)', '(reverse=true)'])})",
            lambda: f"({self.list(d)} | {rng.choice(['list', 'unique | list', 'reverse | list', 'sort', 'sort(reverse=true)', 'sort(case_sensitive=true)', 'select | list', 'reject | list'])})",
            lambda: f"({self.list(d)} | {rng.choice(['select', 'reject'])}('{rng.choice(['string', 'defined', 'none', 'number', 'mapping'])}') | list)",
            lambda: f"({self.list(d)} | {rng.choice(['select', 'reject'])}('equalto', {self.any(d)}) | list)",
            lambda: f"({self.list(d)} | map('{rng.choice(['string', 'upper', 'trim', 'int', 'length', 'default', 'list', 'tojson'])}') | list)",
            lambda: f"(messages | map(attribute='{rng.choice(['role', 'content', 'nope'])}') | list)",
            lambda: f"(messages | {rng.choice(['selectattr', 'rejectattr'])}('role', 'equalto', '{rng.choice(['user', 'system'])}') | list)",
            lambda: f"({self.list(d)} * {rng.choice([0, 1, 2])})", lambda: f"({self.string(d)} | list)",
            lambda: f"({self.list(d)} if {self.bool(d)} else {self.list(d)})",
        )

    def dict(self, depth):
        rng = self.rng
        d = depth - 1
        if depth <= 0 or rng.random() < 0.2:
            return self.name("dict") or rng.choice(["{}", "{'a': 1, 'b': 'x'}", "{'b': 2, 'a': none, 'C': []}", "messages[0]"])
        return self.pick(
            lambda: "{" + ", ".join(f"{self.quoted()}: {self.any(d)}" for _ in range(rng.randrange(4))) + "}",
            lambda: f"dict(a={self.any(d)}, b={self.any(d)})", lambda: f"dict({self.dict(d)}, c={self.any(d)})",
            lambda: f"messages[{rng.choice(['0', '-1', '1'])}]",
        )

    def any(self, depth):
        rng = self.rng
        if depth <= 0 and rng.random() < 0.3:
            return self.name("any")
        d = depth - 1
        return self.pick(
            lambda: self.string(depth), lambda: self.int(depth), lambda: self.bool(depth), lambda: self.list(depth),
            lambda: self.dict(depth), lambda: self.number(depth), lambda: "none", lambda: self.name("any"),
            lambda: f"{self.dict(d)}.{rng.choice(['a', 'b', 'role', 'content', 'nope'])}",
            lambda: f"{self.dict(d)}[{self.quoted()}]", lambda: f"{self.dict(d)}.get({self.quoted()}{rng.choice(['', ', 4'])})",
            lambda: f"{self.list(d)}[{rng.choice(['0', '-1', '1', '9'])}]", lambda: f"({self.list(d)} | {rng.choice(['first', 'last'])})",
            lambda: f"({self.list(d)} | {rng.choice(['min', 'max', 'sum'])})",
            lambda: f"({self.any(d)} if {self.bool(d)})",
        )

    def space(self):
        return self.rng.choice(["", "", "\n", " ", "  \n", "\n  ", "text", "a\n\n", "\t"])

    def tag(self, text, block=True):
        rng = self.rng
        left, right = rng.choice(["", "", "-", "+"] if block else ["", "", "-"]), rng.choice(["", "", "-", "+"] if block else ["", "", "-"])
        begin, end = ("{%", "%}") if block else ("{{", "}}")
        return f"{begin}{left} {text} {right}{end}"

    def output(self):
        return self.tag(self.any(3), block=False)

    def assign(self):
        kind = self.rng.choice(["str", "int", "list", "dict", "any"])
        value = {"str": self.string, "int": self.int, "list": self.list, "dict": self.dict, "any": self.any}[kind](3)
        name = f"v{self.rng.randrange(4)}"
        for names in self.names.values():
            if name in names:
                names.remove(name)
        self.names[kind].append(name)
        return self.tag(f"set {name} = {value}")

    def block(self, depth):
        """Statements, of which names set inside are forgotten where a scope ends."""
        out = ""
        for _ in range(self.rng.randrange(1, 4)):
            out += self.space() + self.statement(depth)
        return out + self.space()

    def scoped(self, depth, **more):
        before = {kind: list(names) for kind, names in self.names.items()}
        for kind, names in more.items():
            self.names[kind] = self.names[kind] + names
        text = self.block(depth)
        self.names = before
        return text

    def statement(self, depth):
        rng = self.rng
        if depth <= 0:
            return self.pick(self.output, self.output, self.assign)
        d = depth - 1

        def choose():
            text = self.tag(f"if {self.bool(2)}") + self.scoped(d)
            if rng.random() < 0.4:
                text += self.tag(f"elif {self.any(2)}") + self.scoped(d)
            if rng.random() < 0.5:
                text += self.tag("else") + self.scoped(d)
            # What a branch sets may or may not be.
            return text + self.tag("endif")

        def loop():
            condition = f" if {self.bool(1)}" if rng.random() < 0.3 else ""
            names = ["loop.index", "loop.index0", "loop.revindex", "loop.length"]
            text = self.tag(f"for x in {self.list(2)}{condition}")
            text += self.scoped(d, any=["x", "x", "loop.previtem", "loop.nextitem", "loop.first", "loop.last"], int=names)
            if rng.random() < 0.2:
                text += self.tag("if " + self.bool(1)) + self.tag(rng.choice(["break", "continue"])) + self.tag("endif") + "more"
            if rng.random() < 0.3:
                text += self.tag("else") + self.scoped(d)
            return text + self.tag("endfor")

        def pairs():
            return self.tag(f"for k, v in {self.dict(2)}.items()") + self.scoped(d, any=["k", "v"]) + self.tag("endfor")

        def messages():
            return (self.tag("for m in messages") + self.scoped(d, str=["m.role", "m.content", "m['content']"], dict=["m"])
                    + self.tag("endfor"))

        def capture():
            text = self.tag(f"set w{rng.choice(['', ' | trim', ' | upper'])}") + self.scoped(d) + self.tag("endset")
            if "w" not in self.names["str"]:
                self.names["str"].append("w")
            return text

        def macro():
            default = self.any(1)
            text = self.tag(f"macro mac(p, q={default})") + self.scoped(d, any=["p", "q"]) + self.tag("endmacro")
            return text + self.tag(f"mac({rng.choice([self.any(1), 'q=1, p=2', '', self.any(1) + ', ' + self.any(1)])})", block=False)

        def counter():
            return (self.tag("set ns = namespace(n=0)") + self.tag(f"for x in {self.list(2)}")
                    + self.tag("set ns.n = ns.n + 1") + self.tag("endfor") + self.tag("ns.n", block=False))

        def filtered():
            return self.tag(f"filter {rng.choice(['upper', 'trim', 'indent(1) | title'])}") + self.scoped(d) + self.tag("endfilter")

        def comment():
            return self.rng.choice(["{# c #}", "{#- c -#}", "{# c -#}", "{%- raw %} {{ x }} {% endraw -%}", "{% raw %}{%{% endraw %}"])

        return self.pick(self.output, self.output, self.assign, choose, loop, pairs, messages, capture, macro, counter, filtered,
                         comment)


def cases(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        grammar = Grammar(rng)
        template = "".join(grammar.space() + grammar.statement(2) for _ in range(rng.randrange(1, 4))) + grammar.space()
        messages = [{"role": rng.choice(["system", "user", "assistant"]), "content": rng.choice(CONTENTS)}
                    for _ in range(rng.randrange(1, 4))]
        yield template, {"messages": messages, "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": rng.random() < 0.5}
