// `footnote bench generator` on a tiny model: every figure is there; how large it is says nothing.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/testing/model_goldens.h"
#include "tests/testing/run_command.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

using Json = nlohmann::json;

testing::CommandOutput Bench(std::vector<std::string> arguments) {
  std::vector<std::string> command = {FOOTNOTE_BINARY, "bench", "generator",
                                      (testing::DataDir() / "models/tiny-llama").string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  StatusOr<testing::CommandOutput> output = testing::RunCommand(command, {}, "");
  EXPECT_OK(output);
  return output.ok() ? *output : testing::CommandOutput{};
}

TEST(BenchGenerator, MeasuresWhatItIsAskedFor) {
  const testing::TempDir dir;
  std::ofstream(dir.path() / "prompt.txt") << "The tenant pays the rent.";
  const testing::CommandOutput output =
      Bench({"--prompt-tokens", "40", "--depth", "30", "--new-tokens", "8", "--sequences", "3",
             "--repetitions", "2", "--speculation", "--prompt-file",
             (dir.path() / "prompt.txt").string(), "--json"});
  ASSERT_EQ(output.exit_status, 0) << output.err;
  const Json json = Json::parse(output.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << output.out;
  for (const char* figure :
       {"ready_seconds", "prefill_tokens_per_second", "prefill_tokens_per_second_best",
        "time_to_first_token_cold_ms", "time_to_first_token_cached_ms", "decode_tokens_per_second",
        "answer_tokens_per_second_plain", "answer_tokens_per_second_speculating",
        "speculation_speedup", "peak_resident_bytes"}) {
    EXPECT_GT(json.value(figure, 0.0), 0) << figure;
  }
  EXPECT_EQ(json["depth"], 30);
  EXPECT_EQ(json["sequences"], 3);
}

TEST(BenchGenerator, LeavesOutWhatItIsNotAskedFor) {
  const testing::CommandOutput output =
      Bench({"--measure", "decode", "--new-tokens", "4", "--repetitions", "1"});
  ASSERT_EQ(output.exit_status, 0) << output.err;
  EXPECT_NE(output.out.find("decode_tokens_per_second"), std::string::npos);
  EXPECT_EQ(output.out.find("prefill_tokens_per_second"), std::string::npos);
}

TEST(BenchGenerator, SaysWhatIsMissing) {
  const testing::CommandOutput output = Bench({"--speculation"});
  EXPECT_EQ(output.exit_status, 1);
  EXPECT_NE(output.err.find("--prompt-file"), std::string::npos) << output.err;
  EXPECT_EQ(Bench({"--measure", "speed"}).exit_status, 2);
  const testing::CommandOutput absent =
      Bench({"--speculation", "--prompt-file", "/absent.txt", "--repetitions", "1"});
  EXPECT_NE(absent.err.find("/absent.txt"), std::string::npos) << absent.err;
}

}  // namespace
}  // namespace footnote
