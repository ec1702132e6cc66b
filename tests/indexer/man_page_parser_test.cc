#include <gtest/gtest.h>

#include "common/text/utf8.h"
#include "indexer/parsers/roff_text.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

TEST(RoffText, ResolvesEscapes) {
  const auto render = [](std::string_view text) { return RenderRoffText(text, {}); };
  EXPECT_EQ(render("\\fBbold\\fP \\f(CWmono\\fR \\f[I]it\\f[]"), "bold mono it");
  EXPECT_EQ(render("\\-v a\\&b \\(aqq\\(aq \\[em] \\(bu 2\\ 3\\~4"), "-v ab 'q' — • 2 3 4");
  EXPECT_EQ(render("\\s-1SMALL\\s+1 \\s[+2]x\\s0 a\\e\\\\b"), "SMALL x a\\\\b");
  EXPECT_EQ(render("\\[u00E9] \\N'65' \\*(lqx\\*(rq \\h'2n'end\\\" comment"), "é A “x” end");
  EXPECT_EQ(render("broken \\"), "broken ");
  EXPECT_EQ(render("\\[open \\f("), "");
}

TEST(RoffText, ExpandsStringsAndSurvivesTheirLoops) {
  const RoffStrings strings = {{"nm", "pump"}, {"l", "\\*l"}};
  EXPECT_EQ(RenderRoffText("\\*(nm \\*[nm]", strings), "pump pump");
  EXPECT_EQ(RenderRoffText("a\\*l", strings), "a");
}

TEST(RoffText, SplitsArguments) {
  EXPECT_EQ(SplitRoffArguments(" a \"b c\" d\\ e \"x\"\"y\" \\\" comment"),
            (Strings{"a", "b c", "d\\ e", "x\"y"}));
}

constexpr char kManPage[] = R"(.\" A comment
'\" t
.ie n .ds Qo "
.el .ds Qo ``
.de XX
.B never seen
..
.TH PUMP 2 2024-01-01 "Works manual"
.SH NAME
pump \- move \fIwater\fP
.SH SYNOPSIS
.nf
.B #include <pump.h>
.PP
.BI "int pump(int " level );
.fi
.SH DESCRIPTION
The
.BR pump ()
call moves water
.RI ( see
.BR valve (2)).
It never blocks.
.PP
Flags:
.TP
.B PUMP_FAST
Move fast.
.IP
Only when cold.
.TP
.B PUMP_SLOW
Move slowly.
.RS
.IP \(bu 3
one
.IP \(bu
two
.RE
.SS Details
.if t never for printers
.if n for terminals
.TS
tab(;);
l l.
Level;Meaning
1;T{
low
.B water
T}
.TE
.SH ERRORS
.TP
.B EWET
Too wet.
)";

TEST(ManPageParser, RendersAPage) {
  const ParsedDocument document = ParseOne("man2/pump.2", kManPage);
  EXPECT_EQ(document.id, "pump(2)");
  EXPECT_EQ(document.title, "pump(2): move water");
  EXPECT_EQ(document.text,
            "NAME\n\npump - move water\n\n"
            "SYNOPSIS\n\n#include <pump.h>\n\nint pump(int level);\n\n"
            "DESCRIPTION\n\n"
            "The pump() call moves water (see valve(2)). It never blocks.\n\n"
            "Flags:\n"
            "PUMP_FAST\n  Move fast.\n  Only when cold.\n"
            "PUMP_SLOW\n  Move slowly.\n  - one\n  - two\n\n"
            "Details\n\nfor terminals\n\n"
            "Level | Meaning\n1 | low water\n\n"
            "ERRORS\n\nEWET\n  Too wet.");
  EXPECT_EQ(Headings(document),
            (Strings{"1 NAME", "1 SYNOPSIS", "1 DESCRIPTION", "2 Details", "1 ERRORS"}));
  ExpectBlocksCoverText(document.text, document.blocks);
}

// Found by parser_fuzz: each macro within a macro took a piece of the stack.
TEST(ManPageParser, AnyNumberOfMacrosMayStandInALine) {
  std::string page = ".Dd May 1, 2024\n.Dt DEEP 1\n.Sh DESCRIPTION\n.Op";
  for (int i = 0; i < 200000; ++i) page += " Op";
  page += " Fl v end\n";
  const std::string text = ParseOne("deep.1", page).text;
  EXPECT_NE(text.find("end"), std::string::npos);
}

TEST(ManPageParser, RendersMdoc) {
  const ParsedDocument document = ParseOne("pump.1", R"(.Dd May 1, 2024
.Dt PUMP 1
.Os
.Sh NAME
.Nm pump
.Nd move water
.Sh SYNOPSIS
.Nm
.Op Fl v
.Op Fl l Ar level
.Ar file ...
.Sh DESCRIPTION
The
.Nm
utility calls
.Fn pump "int level"
as
.Xr valve 2 ,
says
.Pq Dq hello .
.Bl -tag -width Ds
.It Fl v
Be noisy.
.It Fl l Ar level
Set the level.
.El
)");
  EXPECT_EQ(document.id, "pump(1)");
  EXPECT_EQ(document.title, "pump(1): move water");
  EXPECT_EQ(document.text,
            "NAME\n\npump - move water\n\n"
            "SYNOPSIS\n\npump [-v] [-l level] file ...\n\n"
            "DESCRIPTION\n\n"
            "The pump utility calls pump(int level) as valve(2), says (“hello”).\n\n"
            "-v\n  Be noisy.\n-l level\n  Set the level.");
}

TEST(ManPageParser, SkipsAliases) {
  const ParseResult result = ParseText("man2/pump64.2", ".\\\" alias\n.so man2/pump.2\n");
  EXPECT_OK(result.status);
  EXPECT_TRUE(result.documents.empty());
  EXPECT_TRUE(result.failures.empty());
}

TEST(ManPageParser, LeavesOtherFilesWithANumberAlone) {
  EXPECT_EQ(ParseOne("notes.1", "Just notes.\n").id, "notes.1");
}

TEST(ManPageParser, SurvivesBrokenPages) {
  for (const char* page : {".TH X 1\n.TS\nl.\nT{\nopen", ".TH X 1\n.de XX\nnever ended",
                           ".TH X 1\n.if n \\{\n.B x", ".TH X 1\n.RE\n.RE\n.TP\n.TP\n",
                           ".TH X 1\n.IP\n.El\n.It\nx\\", ".TH X 1\n.if\n.ie\n.el\n.\n"}) {
    const ParseResult result = ParseText("x.1", page);
    EXPECT_OK(result.status);
    for (const ParsedDocument& document : result.documents) {
      ExpectBlocksCoverText(document.text, document.blocks);
    }
  }
}

// Found by parser_fuzz: an escape that takes half a character.
TEST(ManPageParser, GivesUtf8WhateverTheEscapes) {
  for (const char* text :
       {"\\*\xC3\xA9 x", "\\(\xC3\xA9\xC3 x", "\\f\xC3\xA9 x", "\\s\xC3\xA9 x", "\\\xC3\xA9"}) {
    const ParsedDocument document =
        ParseOne("a.1", ".TH A 1\n.SH NAME\na \\- b\n.SH TEXT\n" + std::string(text) + "\n");
    EXPECT_TRUE(IsValidUtf8(document.text)) << text;
  }
}

}  // namespace
}  // namespace footnote::indexer
