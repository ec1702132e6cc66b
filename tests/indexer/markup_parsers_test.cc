// Markdown and HTML.
#include <gtest/gtest.h>

#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

std::string Metadata(const ParsedDocument& document, const std::string& name) {
  const auto found = document.metadata.find(name);
  return found == document.metadata.end() ? "" : std::get<std::string>(found->second.at(0));
}

TEST(MarkdownParser, RendersBlocksAsText) {
  const ParsedDocument document = ParseOne("guide/pump.md",
                                           R"(---
title: Pump guide
owner: "Works"
---
# Pump &amp; valve

Open the *valve* with `pump --open`,
then [wait](http://example.org).

- first
- second
  - inner

  more of second

3. three
4. four

| Part | Weight |
|------|--------|
| Lid  | 2 kg   |

```c
int main(void) {
    return 0;
}
```
)");
  EXPECT_EQ(document.id, "guide/pump.md");
  EXPECT_EQ(document.title, "Pump guide");
  EXPECT_EQ(Metadata(document, "owner"), "Works");
  EXPECT_EQ(Metadata(document, "format"), "markdown");
  EXPECT_EQ(document.text,
            "Pump & valve\n\n"
            "Open the valve with pump --open, then wait.\n\n"
            "- first\n- second\n  - inner\n  more of second\n3. three\n4. four\n\n"
            "Part | Weight\nLid | 2 kg\n\n"
            "int main(void) {\n    return 0;\n}");
  EXPECT_EQ(Headings(document), Strings{"1 Pump & valve"});
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(MarkdownParser, TakesTheTitleFromTheFirstHeadingOrTheName) {
  EXPECT_EQ(ParseOne("a.md", "Text.\n\nUnder\n===\n").title, "Under");
  EXPECT_EQ(ParseOne("folder/notes.md", "Text only.").title, "notes");
}

TEST(HtmlParser, KeepsTheMainContentOnly) {
  const ParsedDocument document = ParseOne("page.html", R"(<!DOCTYPE html>
<html><head><title>Site: page</title><style>p{}</style><script>var x = "no";</script></head>
<body><nav>Home | About</nav><header>Banner</header>
<main><h1>Valves<a class="headerlink" href="#x">¶</a></h1>
<p>A <b>valve</b> opens&nbsp;&mdash; then<br>closes.</p>
<script>alert("no")</script>
<h2>Kinds</h2>
<ul><li>ball</li><li>gate<ol><li>rising</li></ol></li></ul>
<table><caption>Weights</caption><tr><th>Part</th><th>Weight</th></tr>
<tr><td>Lid</td><td>2 <i>kg</i></td></tr></table>
<pre>a
  b</pre>
<dl><dt>DN</dt><dd><p>nominal width</p></dd></dl>
</main><footer>Imprint</footer></body></html>)");
  EXPECT_EQ(document.text,
            "Valves\n\n"
            "A valve opens\xC2\xA0— then closes.\n\n"
            "Kinds\n\n"
            "- ball\n- gate\n  1. rising\n\n"
            "Weights\n\n"
            "Part | Weight\nLid | 2 kg\n\n"
            "a\n  b\n\n"
            "DN: nominal width");
  EXPECT_EQ(document.title, "Valves");
  EXPECT_EQ(Headings(document), (Strings{"1 Valves", "2 Kinds"}));
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(HtmlParser, KnowsHtmlByItsContent) {
  const ParsedDocument document = ParseOne(
      "README", "<html><body><p>Text</p><div class=\"docnav top\">Next</div></body></html>");
  EXPECT_EQ(document.text, "Text");
}

TEST(HtmlParser, RefusesHostileDepth) {
  std::string html = "<html>";
  for (int i = 0; i < 200000; ++i) html += "<div>";
  EXPECT_STATUS(ParseText("deep.html", html).status, kInvalidArgument, "nested too deep");
  std::string paragraphs = "<html>";
  for (int i = 0; i < 50000; ++i) paragraphs += "<p>x";
  EXPECT_OK(ParseText("long.html", paragraphs).status);
}

TEST(PlainTextParser, CountsPagesByFormFeeds) {
  const ParsedDocument document = ParseOne("a.txt", "Report\n\nPage one.\n\fPage two.\n\fThree.");
  EXPECT_EQ(document.title, "Report");
  EXPECT_EQ(document.page_starts.size(), 3u);
  EXPECT_EQ(document.text.substr(document.page_starts[1], 9), "Page two.");
  EXPECT_EQ(document.text.find('\f'), std::string::npos);
}

TEST(PlainTextParser, ReadsLatinText) {
  EXPECT_EQ(ParseOne("a.txt",
                     "Das Stra\xDF"
                     "enfest war sch\xF6n und die Leute waren froh.")
                .text,
            "Das Straßenfest war schön und die Leute waren froh.");
}

TEST(Parsers, RefuseWhatIsNotText) {
  EXPECT_STATUS(ParseText("a.ps", "%!PS-Adobe-3.0\n").status, kInvalidArgument, "ps2pdf");
  EXPECT_STATUS(ParseText("a.doc", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1").status, kInvalidArgument,
                "save it as DOCX");
  const std::string png("\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16);
  EXPECT_STATUS(ParseText("a.png", png).status, kInvalidArgument, "not text: it looks like a PNG");
}

}  // namespace
}  // namespace footnote::indexer
