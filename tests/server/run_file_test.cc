#include "server/eval/run_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempDir;

TEST(RunFile, ReadsBackWhatWasWritten) {
  TempDir dir;
  ASSERT_OK_AND_ASSIGN(RunWriter writer, RunWriter::Create(dir / "a.run"));
  // Differ in the eighth digit; the second query's ids are as other tools' may be.
  writer.Add("q1", {{"b", 0.80000002}, {"a", 0.80000001}, {"c", -1}});
  writer.Add("q2", {{"Terms of Use, 2020", 3}});
  ASSERT_OK(writer.Close());
  ASSERT_OK_AND_ASSIGN(const Rankings run, ReadRun(dir / "a.run"));
  EXPECT_THAT(run.at("q1"), ElementsAre("b", "a", "c"));
  EXPECT_THAT(run.at("q2"), ElementsAre("Terms of Use, 2020"));
}

TEST(RunFile, ScoresDecideTheOrderAndTheFileWhereTheyAreEqual) {
  TempDir dir;
  std::ofstream(dir / "a.run")
      << "q1 Q0 low 1 0.1 x\r\nq1\tQ0\tfirst\t2\t0.5\tx\n\nq1 Q0 second 3 5e-1 x\n";
  ASSERT_OK_AND_ASSIGN(const Rankings run, ReadRun(dir / "a.run"));
  EXPECT_THAT(run.at("q1"), ElementsAre("first", "second", "low"));
}

TEST(RunFile, AWrongLineIsNamed) {
  TempDir dir;
  std::ofstream(dir / "a.run") << "q1 Q0 a 1 0.1 x\nq1 Q0 a best x\n";
  const StatusOr<Rankings> run = ReadRun(dir / "a.run");
  ASSERT_EQ(run.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(run.status().message(), HasSubstr("line 2"));
  EXPECT_EQ(ReadRun(dir / "none").status().code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace footnote::server
