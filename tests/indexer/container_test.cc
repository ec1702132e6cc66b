// Archives and compressed files. tar and gzip make the files, so that the oracle is outside.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "common/file.h"
#include "indexer/parsers/package.h"
#include "tests/indexer/make_zip.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

Strings IdsOf(const ParseResult& result) {
  Strings ids;
  for (const ParsedDocument& document : result.documents) ids.push_back(document.id);
  return ids;
}

// What `command` makes in a folder of its own, given there as $OUT.
std::string Made(const std::string& command) {
  const testing::TempDir folder;
  const fs::path out = folder / "out";
  const std::string script = "cd '" + folder.path().string() + "' && OUT=out && " + command;
  EXPECT_EQ(std::system(script.c_str()), 0) << command;
  return ReadFile(out).value();
}

TEST(ContainerParser, EachFileOfAZipIsADocument) {
  const ParseResult result =
      ParseText("in/manuals.zip", MakeZip({{"pump.md", "# Pump\n\nOpen the valve."},
                                           {"sub/notes.txt", "Notes on the pump."},
                                           {".hidden", "no"},
                                           {"__MACOSX/._pump.md", "no"},
                                           {"picture.png", "\x89PNG\r\n\x1A\n"}}));
  ASSERT_OK(result.status);
  EXPECT_EQ(IdsOf(result), (Strings{"in/manuals.zip/pump.md", "in/manuals.zip/sub/notes.txt"}));
  EXPECT_EQ(result.documents[0].title, "Pump");
  EXPECT_TRUE(result.documents[0].source.ends_with("manuals.zip/pump.md"))
      << result.documents[0].source;
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_EQ(result.failures[0].id, "in/manuals.zip/picture.png");
  EXPECT_STATUS(result.failures[0].error, kInvalidArgument, "PNG");
}

TEST(ContainerParser, TarAndItsCompressions) {
  const std::string make =
      "mkdir d && echo 'Text one.' > d/a.txt && echo 'Text two.' > d/b.txt && ";
  for (const char* command :
       {"tar cf $OUT --sort=name d", "tar czf $OUT --sort=name d", "tar cJf $OUT --sort=name d"}) {
    const ParseResult result = ParseText("x.tar", Made(make + command));
    ASSERT_OK(result.status) << command;
    EXPECT_EQ(IdsOf(result), (Strings{"x.tar/d/a.txt", "x.tar/d/b.txt"})) << command;
  }
}

TEST(ContainerParser, ACompressedFileIsTheOneItHolds) {
  const ParsedDocument document =
      ParseOne("man1/pump.md.gz", Made("printf '# Pump\\n\\nOpen it.\\n' | gzip > $OUT"));
  EXPECT_EQ(document.id, "man1/pump.md");
  EXPECT_EQ(document.title, "Pump");
  EXPECT_TRUE(document.source.ends_with("pump.md.gz")) << document.source;
}

TEST(ContainerParser, NamesCannotLeaveTheArchive) {
  const ParseResult result = ParseText(
      "x.zip",
      MakeZip({{"../../etc/a.txt", "one"}, {"/abs.txt", "two"}, {"c:\\d\\e.txt", "three"}}));
  EXPECT_EQ(IdsOf(result), (Strings{"x.zip/etc/a.txt", "x.zip/abs.txt", "x.zip/c:/d/e.txt"}));
}

TEST(ContainerParser, ABombStopsEarly) {
  // Much of the same byte in little; and a small archive of such archives, each within its bounds.
  const std::string same = "head -c $SIZE /dev/zero | tr '\\0' '\\001' | gzip -9 > $OUT";
  const ParseResult one = ParseText("x.gz", Made("SIZE=300000000; " + same));
  EXPECT_TRUE(one.documents.empty());
  ASSERT_FALSE(one.failures.empty());
  EXPECT_STATUS(one.failures.back().error, kResourceExhausted, "bomb");
  const std::string inner = Made("SIZE=40000000; " + same);
  std::vector<std::pair<std::string, std::string>> parts;
  for (int i = 0; i < 8; ++i) parts.emplace_back(std::to_string(i) + ".gz", inner);
  const ParseResult nested = ParseText("x.zip", MakeZip(parts));
  EXPECT_TRUE(nested.documents.empty());
  ASSERT_FALSE(nested.failures.empty());
  EXPECT_STATUS(nested.failures.back().error, kResourceExhausted, "bomb");
  // What was behind it is not known, so that a run with --prune deletes nothing.
  EXPECT_EQ(nested.failures.back().id, "");
}

TEST(ContainerParser, ArchivesInArchivesEndSomewhere) {
  std::string zip = MakeZip({{"a.txt", "deep text"}});
  for (int i = 0; i < 3; ++i) zip = MakeZip({{"in.zip", zip}});
  EXPECT_EQ(ParseText("x.zip", zip).documents.size(), 1u);
  zip = MakeZip({{"in.zip", zip}});
  const ParseResult result = ParseText("x.zip", zip);
  EXPECT_TRUE(result.documents.empty());
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_STATUS(result.failures[0].error, kInvalidArgument, "deep");
}

TEST(ContainerParser, ADamagedArchiveIsTold) {
  EXPECT_STATUS(ParseText("x.zip", "PK\x03\x04 no zip").status, kInvalidArgument, "archive");
  const std::string whole =
      Made("mkdir d && for i in 1 2 3; do seq 200000 > d/$i.txt; done && tar czf $OUT d");
  const ParseResult cut = ParseText("x.tgz", whole.substr(0, whole.size() / 2));
  ASSERT_OK(cut.status);
  EXPECT_FALSE(cut.failures.empty());
  EXPECT_TRUE(std::any_of(cut.failures.begin(), cut.failures.end(),
                          [](const auto& failure) { return failure.id.empty(); }));
  EXPECT_STATUS(ParseText("x.gz", "\x1F\x8B no gzip").status, kInvalidArgument, "archive");
  EXPECT_STATUS(ParseText("x.zip", MakeZip({})).status, kInvalidArgument, "");
}

TEST(Package, ReadsWantedPartsOnly) {
  const testing::TempDir folder;
  SourceFile file;
  file.path = folder / "x.zip";
  std::ofstream(file.path, std::ios::binary) << MakeZip({{"a/b.xml", "<b/>"}, {"c.bin", "no"}});
  ASSERT_OK_AND_ASSIGN(const Package package, Package::Read(file, [](std::string_view name) {
                         return name.ends_with(".xml");
                       }));
  ASSERT_NE(package.Find("a/b.xml"), nullptr);
  EXPECT_EQ(*package.Find("a/b.xml"), "<b/>");
  EXPECT_EQ(package.Find("c.bin"), nullptr);
}

TEST(Package, TargetsAreSeenFromTheirPart) {
  EXPECT_EQ(ResolvePart("word/document.xml", "../media/a.png"), "media/a.png");
  EXPECT_EQ(ResolvePart("word/document.xml", "styles.xml"), "word/styles.xml");
  EXPECT_EQ(ResolvePart("word/document.xml", "/word/styles.xml"), "word/styles.xml");
  EXPECT_EQ(ResolvePart("content.opf", "../../a"), "a");
}

}  // namespace
}  // namespace footnote::indexer
