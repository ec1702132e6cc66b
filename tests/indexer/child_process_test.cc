// What a child may not do, and its limits.
#include "indexer/parsers/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

StatusOr<ChildResult> Shell(const std::string& script, const ChildLimits& limits = ChildLimits()) {
  return RunChildOnBytes("sh", {"-c", script}, "given\n", limits);
}

TEST(ChildProcess, GivesOutputErrorsAndCode) {
  ASSERT_OK_AND_ASSIGN(const ChildResult result, Shell("cat; echo oops >&2; exit 3"));
  EXPECT_EQ(result.output, "given\n");
  EXPECT_EQ(result.errors, "oops\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(ChildProcess, ReadsAFileThatItCanSeekIn) {
  const testing::TempDir folder;
  std::ofstream(folder / "in") << "from a file";
  ASSERT_OK_AND_ASSIGN(const ChildResult result,
                       RunChild("sh", {"-c", "cat /dev/stdin"}, folder / "in", ChildLimits()));
  EXPECT_EQ(result.output, "from a file");
  EXPECT_STATUS(RunChild("sh", {"-c", "cat"}, folder / "none", ChildLimits()), kNotFound, "");
}

TEST(ChildProcess, HasNoEnvironmentAndNoDescriptorsOfOurs) {
  setenv("FOOTNOTE_SECRET", "hidden", 1);
  ASSERT_OK_AND_ASSIGN(const ChildResult result, Shell("env; ls /proc/self/fd | wc -l"));
  EXPECT_EQ(result.output.find("hidden"), std::string::npos);
  // 0, 1, 2 and the folder that ls reads.
  EXPECT_NE(result.output.find("4\n"), std::string::npos) << result.output;
}

TEST(ChildProcess, WritesNoFile) {
  const testing::TempDir folder;
  ASSERT_OK_AND_ASSIGN(const ChildResult result,
                       Shell("echo text > " + (folder / "out").string() + " || echo refused"));
  EXPECT_EQ(result.output, "refused\n");
}

TEST(ChildProcess, HasNoNetwork) {
  // bash knows /dev/tcp; a refused socket and an unreachable network both fail before the peer.
  ASSERT_OK_AND_ASSIGN(
      const ChildResult result,
      RunChildOnBytes("bash", {"-c", "exec 5<>/dev/udp/127.0.0.1/9 && echo open || echo refused"},
                      "", ChildLimits()));
  EXPECT_EQ(result.output, "refused\n");
  EXPECT_NE(result.errors.find("not permitted"), std::string::npos) << result.errors;
}

TEST(ChildProcess, LimitsEnd) {
  ChildLimits limits;
  limits.wall_seconds = 1;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_STATUS(Shell("sleep 60", limits), kResourceExhausted, "1 seconds");
  // Also when it has closed what we read from.
  EXPECT_STATUS(Shell("exec >&- 2>&-; sleep 60", limits), kResourceExhausted, "1 seconds");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  limits = ChildLimits();
  limits.output_bytes = 100000;
  EXPECT_STATUS(Shell("yes", limits), kResourceExhausted, "more than");
  limits = ChildLimits();
  limits.cpu_seconds = 1;
  EXPECT_STATUS(Shell("while :; do :; done", limits), kResourceExhausted, "of a CPU");
  limits = ChildLimits();
  limits.memory_bytes = uint64_t{64} << 20;
  const auto result =
      RunChildOnBytes("sh", {"-c", "x=$(yes | head -c 300000000); echo all"}, "", limits);
  EXPECT_TRUE(!result.ok() || result->output.find("all") == std::string::npos);
}

TEST(ChildProcess, WhatItStartedEndsWithIt) {
  ASSERT_OK_AND_ASSIGN(const ChildResult result, Shell("sleep 60 >/dev/null 2>&1 & echo $!"));
  const pid_t pid = std::atoi(result.output.c_str());
  ASSERT_GT(pid, 1);
  for (int i = 0; i < 200 && kill(pid, 0) == 0; ++i) {
    // It may stay as a zombie until the machine's first process has collected it.
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    const std::string line{std::istreambuf_iterator<char>(stat), {}};
    if (line.find(") Z ") != std::string::npos) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(ChildProcess, AMissingProgramIsTold) {
  EXPECT_STATUS(RunChildOnBytes("footnote-no-such-program", {}, "", ChildLimits()), kNotFound,
                "not installed");
}

}  // namespace
}  // namespace footnote::indexer
