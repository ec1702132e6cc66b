// PDF: the files are reportlab's and pypdf's (tools/make_pdf_fixtures.py), so their text is known.
#include <gtest/gtest.h>

#include "common/file.h"
#include "indexer/parsers/child_process.h"
#include "indexer/parsers/pdf_text.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Starts = std::vector<uint64_t>;

std::string Fixture(const std::string& name) {
  return ReadFile(testing::DataDir() / "documents" / name).value();
}

TEST(PdfParser, ReadsTextPageByPageWithoutRunningLines) {
  const ParsedDocument document = ParseOne("manuals/dp7.pdf", Fixture("manual.pdf"));
  EXPECT_EQ(document.id, "manuals/dp7.pdf");
  EXPECT_EQ(document.title, "Dosing pump DP-7: manual");
  EXPECT_EQ(std::get<std::string>(document.metadata.at("author").at(0)), "Works council");
  EXPECT_EQ(std::get<double>(document.metadata.at("pages").at(0)), 4);
  EXPECT_EQ(document.metadata.count("ocr"), 0u);
  EXPECT_EQ(document.text.find("ACME"), std::string::npos);
  EXPECT_EQ(document.text.find("Page 2"), std::string::npos);
  EXPECT_NE(document.text.find("maintenance staff"), std::string::npos);
  // Over the page's end.
  EXPECT_NE(document.text.find("before the pump is\nopened for the first time."),
            std::string::npos);
  // Counts with the pages, and is text.
  for (const char* heading : {"Article 5", "Article 6", "Article 7"}) {
    EXPECT_NE(document.text.find(heading), std::string::npos) << heading;
  }
  ASSERT_EQ(document.page_starts.size(), 4u);
  EXPECT_EQ(document.page_starts[0], 0u);
  EXPECT_TRUE(document.text.substr(document.page_starts[1]).starts_with("opened for"));
  EXPECT_TRUE(document.text.substr(document.page_starts[2]).starts_with("2 Safety"));
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(PdfParser, IsKnownByItsContent) {
  const ParsedDocument document = ParseOne("download", Fixture("manual.pdf"));
  EXPECT_NE(document.text.find("inlet valve"), std::string::npos);
}

TEST(PdfParser, SaysWhatIsWrongWithAFile) {
  EXPECT_STATUS(ParseText("a.pdf", Fixture("protected.pdf")).status, kInvalidArgument, "password");
  if (FindProgram("tesseract").empty()) {
    EXPECT_STATUS(ParseText("a.pdf", Fixture("scan.pdf")).status, kInvalidArgument,
                  "tesseract-ocr");
  } else {
    const ParsedDocument document = ParseOne("a.pdf", Fixture("scan.pdf"));
    EXPECT_TRUE(std::get<bool>(document.metadata.at("ocr").at(0)));
  }
  const std::string half = Fixture("manual.pdf").substr(0, 900);
  const ParseResult cut = ParseText("a.pdf", half);
  EXPECT_TRUE(!cut.status.ok() || cut.documents.size() == 1) << cut.status.ToString();
  EXPECT_STATUS(ParseText("a.pdf", "%PDF-1.7\nnothing").status, kInvalidArgument, "cannot be read");
}

TEST(PdfParser, ReadsScannedPagesAndSaysSo) {
  if (FindProgram("tesseract").empty()) {
    GTEST_SKIP() << "tesseract is not installed: apt-get install tesseract-ocr";
  }
  const ParsedDocument document = ParseOne("leases/house.pdf", Fixture("scanned_lease.pdf"));
  ASSERT_EQ(document.metadata.count("ocr"), 1u);
  EXPECT_TRUE(std::get<bool>(document.metadata.at("ocr").at(0)));
  EXPECT_EQ(std::get<double>(document.metadata.at("pages").at(0)), 2);
  const size_t rent = document.text.find("a monthly rent of 950 EUR");
  const size_t notice = document.text.find("period of notice is three months.");
  ASSERT_NE(rent, std::string::npos) << document.text;
  ASSERT_NE(notice, std::string::npos) << document.text;
  ASSERT_EQ(document.page_starts.size(), 2u);
  EXPECT_LT(rent, document.page_starts[1]);
  EXPECT_GE(notice, document.page_starts[1]);
  EXPECT_EQ(document.title, "LEASE AGREEMENT");
  ExpectBlocksCoverText(document.text, document.blocks);
}

TEST(TidyPages, DropsWhatRunsAlongTheEdges) {
  std::string printed;
  for (int page = 1; page <= 4; ++page) {
    printed += "Manual\n\nText of page " + std::string(static_cast<size_t>(page), 'x') + ".\n\n- " +
               std::to_string(page + 2) + " -\n\f";
  }
  const PagedText pages = TidyPages(printed);
  EXPECT_EQ(pages.text,
            "Text of page x.\n\nText of page xx.\n\nText of page xxx.\n\nText of page xxxx.");
  EXPECT_EQ(pages.page_starts, (Starts{0, 17, 35, 54}));
}

TEST(TidyPages, KeepsWhatMerelyRepeatsOrCounts) {
  // Twice is no running line; a figure in the text is no page number.
  EXPECT_EQ(TidyPages("Note\n\fNote\n\f").text, "Note\n\nNote");
  std::string printed;
  for (const char* dose : {"5 mg", "6 mg", "7 mg"}) printed += std::string(dose) + "\n\f";
  EXPECT_EQ(TidyPages(printed).text, "5 mg\n\n6 mg\n\n7 mg");
}

TEST(TidyPages, RomanPageNumbersGo) {
  EXPECT_EQ(TidyPages("A\n\niii\n\fB\n\niv\n\fC\n\nv\n\f").text, "A\n\nB\n\nC");
}

TEST(TidyPages, JoinsWordsBrokenAtAPagesEnd) {
  EXPECT_EQ(TidyPages("the mainte-\n\fnance staff\n\f").text, "the maintenance\nstaff");
  // A word that is written with its hyphen elsewhere keeps it.
  EXPECT_EQ(TidyPages("A long-term loan is a long-\n\fterm, fixed one\n\f").text,
            "A long-term loan is a long-term,\nfixed one");
}

TEST(TidyPages, PagesWithoutTextKeepTheirNumber) {
  const PagedText pages = TidyPages("\f\fthird\n\f\f");
  EXPECT_EQ(pages.text, "third");
  EXPECT_EQ(pages.page_starts, (Starts{0, 0, 0, 5}));
}

TEST(TidyPages, RowsOfDotsAndLigatures) {
  EXPECT_EQ(TidyPages("Safety . . . . . . 7\nSpecial \xEF\xAC\x81re, \xEF\xAC\x83\n\f").text,
            "Safety \xE2\x80\xA6 7\nSpecial fire, ffi");
}

}  // namespace
}  // namespace footnote::indexer
