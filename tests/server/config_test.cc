#include "server/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::server {
namespace {

class ServeConfigTest : public ::testing::Test {
 protected:
  StatusOr<ServeConfig> Read(const std::string& text) {
    std::ofstream(dir_.path() / "serve.toml") << text;
    return ReadServeConfig(dir_.path() / "serve.toml");
  }
  // The error's message holds all of `parts`.
  void ExpectRefused(const std::string& text, const std::vector<std::string>& parts) {
    const auto config = Read(text);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_EQ(config.status().code(), StatusCode::kInvalidArgument);
    for (const std::string& part : parts) {
      EXPECT_NE(config.status().message().find(part), std::string::npos)
          << part << " is not in: " << config.status().message();
    }
  }
  testing::TempDir dir_;
};

TEST_F(ServeConfigTest, ReadsWhatIsSetAndKeepsTheRest) {
  const auto config = Read(
      "# a comment\nhttp_listen = '127.0.0.1:9090'\nthreads = 2\nguess_tokens = 0\n"
      "reranker = '/models/ce'\nrerank_depth = 16\n"
      "trust_principals = true\n");
  ASSERT_OK(config.status());
  EXPECT_EQ(config->http_listen, "127.0.0.1:9090");
  EXPECT_EQ(config->grpc_listen, ServeConfig().grpc_listen);
  EXPECT_EQ(config->threads, 2);
  EXPECT_EQ(config->guess_tokens, 0);
  EXPECT_EQ(config->reranker, "/models/ce");
  EXPECT_EQ(config->rerank_depth, 16);
  EXPECT_TRUE(config->trust_principals);
}

TEST_F(ServeConfigTest, NamesTheLineAndTheKeyOfWhatIsWrong) {
  ExpectRefused("threads = 2\nthraeds = 3\n", {"serve.toml, line 2", "thraeds", "threads"});
  ExpectRefused("threads = 'two'\n", {"line 1", "threads", "whole number from 0 to 1024"});
  ExpectRefused("threads = 2000\n", {"threads", "0 to 1024"});
  ExpectRefused("guess_tokens = 16\n", {"guess_tokens", "0 to 15"});
  ExpectRefused("rerank_depth = 0\n", {"rerank_depth", "1 to 1000"});
  ExpectRefused("reranker = true\n", {"reranker", "quotation marks"});
  ExpectRefused("http_listen = 8080\n", {"http_listen", "quotation marks"});
  ExpectRefused("trust_principals = 1\n", {"trust_principals", "true or false"});
  ExpectRefused("threads = = 2\n", {"line 1"});
  ExpectRefused("[http]\nlisten = 'x'\n", {"http"});
}

TEST_F(ServeConfigTest, SaysWhichFileIsMissing) {
  const auto config = ReadServeConfig(dir_.path() / "absent.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(config.status().code(), StatusCode::kNotFound);
  EXPECT_NE(config.status().message().find("absent.toml"), std::string::npos);
}

}  // namespace
}  // namespace footnote::server
