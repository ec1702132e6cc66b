#include "server/http_target.h"

#include <gtest/gtest.h>

#include "tests/testing/status_matchers.h"

namespace footnote::server {
namespace {

TEST(HttpTarget, SeparatesPathsAtSlashesThatWereNotEncoded) {
  ASSERT_OK_AND_ASSIGN(const auto segments, ParsePath("/a/b%2Fc%2f/%C3%A9+/"));
  EXPECT_EQ(segments, (std::vector<std::string>{"a", "b/c/", "é+", ""}));
  ASSERT_OK_AND_ASSIGN(const auto root, ParsePath("/"));
  EXPECT_EQ(root, std::vector<std::string>{""});
}

TEST(HttpTarget, ReadsQueriesAsFormsWriteThem) {
  ASSERT_OK_AND_ASSIGN(const auto query, ParseQuery("a=1&b=x+y%21%2B&&c&d==&a=2"));
  EXPECT_EQ(query,
            (QueryParameters{{"a", "1"}, {"b", "x y!+"}, {"c", ""}, {"d", "="}, {"a", "2"}}));
  ASSERT_OK_AND_ASSIGN(const auto none, ParseQuery(""));
  EXPECT_TRUE(none.empty());
}

TEST(HttpTarget, RefusesWhatIsNotPercentEncodedUtf8) {
  for (const char* path : {"", "a", "*", "http://localhost/a"}) {
    EXPECT_STATUS(ParsePath(path), kInvalidArgument, "begins with '/'");
  }
  for (const char* text : {"/%", "/%4", "/%g0", "/%0g", "/a%-1"}) {
    EXPECT_STATUS(ParsePath(text), kInvalidArgument, "%25");
  }
  for (const char* text : {"/%ff", "/%00", "/%C3", "/%ED%A0%80"}) {
    EXPECT_STATUS(ParsePath(text), kInvalidArgument, "UTF-8");
  }
  EXPECT_STATUS(ParseQuery("a=%"), kInvalidArgument, "%25");
  EXPECT_STATUS(ParseQuery("%ff=1"), kInvalidArgument, "UTF-8");
}

}  // namespace
}  // namespace footnote::server
