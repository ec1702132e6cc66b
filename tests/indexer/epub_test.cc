// Books: reading order, XHTML that is not HTML, locks.
#include <gtest/gtest.h>

#include "tests/indexer/make_zip.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Parts = std::vector<std::pair<std::string, std::string>>;

std::string MakeEpub(const std::string& manifest, const std::string& spine, const Parts& more) {
  Parts parts = {
      {"mimetype", "application/epub+zip"},
      {"META-INF/container.xml",
       "<container><rootfiles><rootfile full-path='OPS/book.opf'/></rootfiles>"
       "</container>"},
      {"OPS/book.opf", "<package><metadata><dc:title>T</dc:title></metadata><manifest>" + manifest +
                           "</manifest><spine>" + spine + "</spine></package>"}};
  parts.insert(parts.end(), more.begin(), more.end());
  return MakeZip(parts);
}

TEST(EpubParser, ReadsWhatEbookLibWrites) {
  const ParsedDocument document = ParseOne("stories.epub", DocumentFixture("stories.epub"));
  EXPECT_EQ(document.title, "Pump stories");
  EXPECT_EQ(std::get<std::string>(document.metadata.at("format").at(0)), "epub");
  EXPECT_EQ(std::get<std::string>(document.metadata.at("author").at(0)), "Ada Example");
  EXPECT_EQ(std::get<std::string>(document.metadata.at("language").at(0)), "en");
  EXPECT_EQ(document.text, "The pump\n\nIt ran & ran.\n\nThe valve\n\nIt was shut.");
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(EpubParser, ReadsXhtmlAndEscapedNames) {
  EXPECT_EQ(ParseOne("book", MakeEpub("<item id='a' href='my%20text/a.xhtml#top'/>"
                                      "<item id='b' href='missing.xhtml'/>",
                                      "<itemref idref='a'/><itemref idref='b'/>"
                                      "<itemref idref='a'/><itemref idref='none'/>",
                                      {{"OPS/my text/a.xhtml",
                                        "<?xml version='1.0'?><html><head><title/>"
                                        "<script src='x'/></head><body><!-- <p/> --><a id='p1'/>"
                                        "<div/><p>One<br/>two</p></body></html>"}}))
                .text,
            "One two");
}

TEST(EpubParser, TellsOfLocks) {
  const auto encryption = [](const std::string& part) {
    return "<encryption><enc:EncryptedData><enc:CipherData><enc:CipherReference URI='" + part +
           "'/></enc:CipherData></enc:EncryptedData></encryption>";
  };
  const auto book = [&](const std::string& part) {
    return MakeEpub("<item id='a' href='a.xhtml'/>", "<itemref idref='a'/>",
                    {{"OPS/a.xhtml", "<html><body><p>x</p></body></html>"},
                     {"META-INF/encryption.xml", encryption(part)}});
  };
  EXPECT_STATUS(ParseText("a.epub", book("OPS/a.xhtml")).status, kInvalidArgument, "locked by DRM");
  EXPECT_EQ(ParseOne("a.epub", book("OPS/fonts/a.otf")).text, "x");
}

TEST(EpubParser, SaysWhatIsWrongAndSurvivesTheRest) {
  EXPECT_STATUS(ParseText("a.epub", MakeZip({{"x", "y"}})).status, kInvalidArgument,
                "no part META-INF/container.xml");
  EXPECT_STATUS(ParseText("a.epub", "PK\x03\x04").status, kInvalidArgument, "");
  const std::string whole = DocumentFixture("stories.epub");
  for (size_t size = 5; size < whole.size(); size += 53) {
    (void)ParseText("a.epub", whole.substr(0, size));
  }
}

}  // namespace
}  // namespace footnote::indexer
