// E-mail: messages of Python's library read as it reads them, what real mail does, hostile mail.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/text/utf8.h"
#include "indexer/parsers/mime.h"
#include "tests/indexer/fixture.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

Strings Values(const ParsedDocument& document, const std::string& name) {
  Strings values;
  const auto found = document.metadata.find(name);
  if (found == document.metadata.end()) return values;
  for (const auto& value : found->second) values.push_back(std::get<std::string>(value));
  return values;
}

TEST(EmailParser, ReadsWhatPythonReads) {
  const auto cases = nlohmann::json::parse(ReadFixture("mail.json"));
  ASSERT_GE(cases.size(), 6u);
  for (const auto& expected : cases) {
    const std::string name = expected["file"];
    const ParsedDocument document = ParseOne(name, ReadFixture(name));
    EXPECT_EQ(document.title, expected["subject"]) << name;
    EXPECT_EQ(Values(document, "from"), expected["from"].get<Strings>()) << name;
    EXPECT_EQ(Values(document, "to"), expected["to"].get<Strings>()) << name;
    EXPECT_EQ(Values(document, "date"), Strings{expected["date"]}) << name;
    EXPECT_EQ(Values(document, "format"), Strings{"email"});
    EXPECT_NE(
        document.text.find("\n\n" + expected["body"].get<std::string>() + "\n\nAttachments: "),
        std::string::npos)
        << name << ": " << document.text;
    const std::string first = expected["attachments"][0];
    const std::string second = expected["attachments"][1];
    EXPECT_NE(document.text.find("Attachments: " + first + ", " + second), std::string::npos);
    EXPECT_EQ(Headings(document), Strings{"1 Attachment: " + first});
    EXPECT_TRUE(document.text.ends_with("Größe;Zahl\n1;2")) << document.text;
    EXPECT_EQ(document.text.find("HTML form"), std::string::npos) << "both alternatives are there";
    ExpectBlocksCoverText(document.text, document.blocks);
  }
}

TEST(EmailParser, ShowsTheHeadersFirst) {
  const ParsedDocument document = ParseOne(
      "note",
      "Received: from a by b;\r\n\tTue, 5 Mar 2024\r\nFrom: Ann <ann@x.org>\r\n"
      "To: Bob <bob@x.org>\r\nDate: Tue, 5 Mar 2024 09:15 +0000\r\nSubject: Re:\r\n  the pump\r\n"
      "\r\nIt leaks.\r\n");
  EXPECT_EQ(document.text,
            "From: Ann <ann@x.org>\nTo: Bob <bob@x.org>\nDate: Tue, 5 Mar 2024 09:15 +0000\n"
            "Subject: Re: the pump\n\nIt leaks.");
  EXPECT_EQ(document.title, "Re: the pump");
  EXPECT_EQ(Values(document, "date"), Strings{"2024-03-05T09:15:00"});
}

TEST(EmailParser, TakesHtmlWhenThePlainTextIsEmpty) {
  const ParsedDocument document =
      ParseOne("a.eml",
               "From: a@x\nSubject: s\nContent-Type: multipart/alternative; boundary=b\n\n"
               "preamble\n--b\nContent-Type: text/plain\n\n \n"
               "--b\nContent-Type: multipart/related; boundary=\"c d\"\n\n"
               "--c d\nContent-Type: text/html\n\n<p>A <b>bold</b> word</p><ul><li>one</ul>\n"
               "--c d\nContent-Type: image/png; name=logo.png\nContent-ID: <1>\n\nxx\n--c d--\n"
               "--b--\nepilogue\n");
  EXPECT_EQ(document.text, "From: a@x\nSubject: s\n\nA bold word\n\n- one");
}

TEST(EmailParser, AttachmentsOfAnAlternativeThatIsNotShownAreNamed) {
  const ParsedDocument document =
      ParseOne("a.eml",
               "From: a@x\nSubject: s\nContent-Type: multipart/alternative; boundary=b\n\n"
               "--b\nContent-Type: text/plain\n\nPlain\n--b\nContent-Type: multipart/mixed; "
               "boundary=c\n\n--c\nContent-Type: text/html\n\n<p>Rich</p>\n--c\nContent-Type: "
               "application/pdf\nContent-Disposition: inline; filename=\"a \\\"b\\\".pdf\"\n\nx\n"
               "--c--\n--b--\n");
  EXPECT_EQ(document.text, "From: a@x\nSubject: s\n\nPlain\n\nAttachments: a \"b\".pdf");
}

TEST(EmailParser, ForwardedMessagesComeBelowWithTheirHeaders) {
  const ParsedDocument document = ParseOne(
      "a.eml",
      "From: a@x\nSubject: outer\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nSee below.\n"
      "--b\nContent-Type: message/rfc822\n\nFrom: c@x\nSubject: inner\n"
      "Content-Type: text/html\n\n<p>Inner text</p>\n--b--\n");
  EXPECT_EQ(document.text,
            "From: a@x\nSubject: outer\n\nSee below.\n\nAttachments: a message\n\n"
            "inner\n\nFrom: c@x\nSubject: inner\n\nInner text");
  EXPECT_EQ(Headings(document), Strings{"1 inner"});
}

TEST(EmailParser, JoinsFlowedLines) {
  const ParsedDocument document =
      ParseOne("a.eml",
               "From: a@x\nSubject: s\nContent-Type: text/plain; format=flowed\n\n"
               "> one \n> two\nthree \nfour\n-- \nAnn\n");
  EXPECT_TRUE(document.text.ends_with("> one two\nthree four\n-- \nAnn")) << document.text;
}

TEST(EmailParser, AMailboxIsADocumentPerMessage) {
  const ParseResult result = ParseText(
      "team/list.mbox",
      "From ann@x Tue Mar  5 09:15:00 2024\nFrom: Ann <ann@x>\nDate: d\nSubject: one\n\n"
      ">From here on\n\nFrom me to you: a line of text\n\n"
      "From bob@x Tue Mar  5 09:15:00 2024\r\nFrom: Bob <bob@x>\r\nSubject: two\r\n\r\nB\r\n");
  ASSERT_OK(result.status);
  ASSERT_EQ(result.documents.size(), 2u);
  EXPECT_EQ(result.documents[0].id, "team/list.mbox#1");
  EXPECT_EQ(result.documents[0].title, "one");
  EXPECT_EQ(result.documents[0].text,
            "From: Ann <ann@x>\nDate: d\nSubject: one\n\nFrom here on\n\n"
            "From me to you: a line of text");
  EXPECT_EQ(result.documents[1].id, "team/list.mbox#2");
  EXPECT_TRUE(result.documents[1].text.ends_with("Subject: two\n\nB"));
  EXPECT_GT(result.documents[1].source_bytes_end, result.documents[0].source_bytes_end);
}

TEST(EmailParser, TextThatBeginsWithOneHeaderIsNoMail) {
  EXPECT_EQ(Values(ParseOne("memo.txt", "Subject: pumps\n\nText.\n"), "format"), Strings{"text"});
  EXPECT_EQ(Values(ParseOne("memo.txt", "Notes\nFrom: a\nDate: b\n\nText.\n"), "format"),
            Strings{"text"});
}

TEST(EmailParser, TruncatedMailGivesWhatIsThere) {
  const std::string whole = ReadFixture("mail_0.eml");
  for (size_t length = 0; length < whole.size(); length += 7) {
    const ParseResult result = ParseText("cut.eml", whole.substr(0, length));
    for (const ParsedDocument& document : result.documents) {
      ExpectBlocksCoverText(document.text, document.blocks);
    }
  }
  EXPECT_STATUS(ParseText("a.eml", "just text").status, kInvalidArgument, "headers of a message");
}

TEST(EmailParser, HostileNestingIsCut) {
  std::string parts = "From: a@x\nSubject: s\n";
  for (int i = 0; i < 5000; ++i) {
    const std::string boundary = "b" + std::to_string(i);
    parts += "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n--" + boundary + "\n";
  }
  EXPECT_OK(ParseText("a.eml", parts).status);
  std::string messages = "From: a@x\nSubject: s\n";
  for (int i = 0; i < 5000; ++i) messages += "Content-Type: message/rfc822\n\nSubject: s\n";
  EXPECT_OK(ParseText("b.eml", messages).status);
  std::string many = "From: a@x\nSubject: s\nContent-Type: multipart/mixed; boundary=b\n\n";
  for (int i = 0; i < 100000; ++i) many += "--b\n";
  EXPECT_STATUS(ParseText("c.eml", many).status, kInvalidArgument, "more than 5000 parts");
}

TEST(MimeDecode, ForgivesWhatMailGetsWrong) {
  EXPECT_EQ(DecodeBase64("Y Wxs\r\nIGlz=\nIHdlbGw="), "all is well");
  EXPECT_EQ(DecodeQuotedPrintable("a=3D=\r\nb=zz= \nc="), "a=b=zzc");
  // One character in two words; words with no white space between; an unknown charset.
  EXPECT_EQ(DecodeHeader("=?utf-8?B?w7w=?= =?UTF-8*de?Q?=C3?=\n =?utf-8?q?=A4_x?= y"), "üä x y");
  EXPECT_EQ(DecodeHeader("=?none?q?a?= b =?utf-8?x?c?= =?"), "a b =?utf-8?x?c?= =?");
  const ParameterValue value = ReadParameters(
      "Attachment; name*1=\"b;\"; name*0*=iso-8859-1'en'%E4; name=\"plain\"; other = \"x\\\"y\" "
      ";;z");
  EXPECT_EQ(value.value, "attachment");
  EXPECT_EQ(value.parameters.at("name"), "äb;");
  EXPECT_EQ(value.parameters.at("other"), "x\"y");
}

// Found by parser_fuzz.
TEST(EmailParser, ATypeThatIsNotUtf8IsNamedReadably) {
  const ParsedDocument document = ParseOne(
      "a.eml",
      "From: a@example.org\nSubject: s\nMIME-Version: 1.0\n"
      "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
      "Content-Type: odd\xED\xA0\x80/thing\nContent-Disposition: attachment\n\nx\n--b--\n");
  EXPECT_TRUE(IsValidUtf8(document.text)) << document.text;
  EXPECT_NE(document.text.find("Attachments: odd"), std::string::npos) << document.text;
}

}  // namespace
}  // namespace footnote::indexer
