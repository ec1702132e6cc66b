// --memory of the command itself: refused with the least that works, and that works.
#include <gmock/gmock.h>

#include <fstream>

#include "common/memory.h"
#include "tests/testing/child_peak.h"
#include "tests/testing/run_command.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

using testing::CommandOutput;
using ::testing::HasSubstr;
using testing::TempDir;

class IndexMemoryOption : public ::testing::Test {
 protected:
  IndexMemoryOption() {
    std::ofstream lines(dir_ / "set.jsonl");
    for (int i = 0; i < 6; ++i) {
      lines << "{\"_id\":\"d" << i << "\",\"title\":\"Notice\",\"text\":\"Rent is due.\"}\n";
    }
  }

  CommandOutput Index(const std::string& memory) {
    const auto output = testing::RunCommand(
        {FOOTNOTE_BINARY, "index", "notices", (dir_ / "set.jsonl").string(), "--public", "--json",
         "--embedder", (testing::DataDir() / "models/tiny-bert").string(), "--memory", memory},
        {{"FOOTNOTE_HOME", (dir_ / "home").string()}});
    EXPECT_OK(output);
    return *output;
  }

  TempDir dir_;
};

TEST_F(IndexMemoryOption, TooLittleIsRefusedWithTheLeastThatWorks) {
  EXPECT_THAT(Index("plenty").err, HasSubstr("512MiB or 4GiB"));
  const CommandOutput refused = Index("16MiB");
  EXPECT_NE(refused.exit_status, 0);
  const std::string before = "give at least --memory ";
  const size_t at = refused.err.find(before);
  ASSERT_NE(at, std::string::npos) << refused.err;
  if (!testing::MemoryCanBeMeasured()) GTEST_SKIP() << "a sanitizer's memory is no measure";
  const size_t start = at + before.size();
  ASSERT_OK_AND_ASSIGN(const uint64_t least, ParseByteSize(refused.err.substr(
                                                 start, refused.err.find('\n', start) - start)));
  // A little more: what it holds is not quite the same each time.
  const CommandOutput done = Index(ByteSizeText(least + (uint64_t{4} << 20)));
  EXPECT_EQ(done.exit_status, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("\"chunks\":6,\"chunks_reused\":5"));
}

}  // namespace
}  // namespace footnote
