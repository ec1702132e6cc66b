#include "server/eval/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/eval/md5.h"

namespace footnote::server {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Ids(const std::vector<const EvalQuery*>& queries) {
  std::vector<std::string> ids;
  for (const EvalQuery* query : queries) ids.push_back(query->id);
  return ids;
}

EvalQuery Query(const std::string& id, const std::string& scope = "") {
  return {.id = id, .text = "?", .history = {}, .scope_document_id = scope};
}

// RFC 1321, A.5, and lengths around a block's end, by md5sum.
TEST(Md5, GivesTheDigestsOfTheStandard) {
  EXPECT_EQ(Md5Hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(Md5Hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(
      Md5Hex("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
      "57edf4a22be3c955ac49da2e2107b67a");
  EXPECT_EQ(Md5Hex(std::string(55, 'a')), "ef1772b6dff9a122358552954ad0df65");
  EXPECT_EQ(Md5Hex(std::string(56, 'a')), "3b0c8ac703f828b04c6c197006d17218");
  EXPECT_EQ(Md5Hex(std::string(64, 'a')), "014842d480b571495a4a0363793f7367");
}

// MD5: "1" c4…, "2" c8…, "3" ec…, "4" a8….
EvalSet SetOfFour() {
  EvalSet set;
  for (const char* id : {"1", "2", "3", "4"}) set.queries.push_back(Query(id));
  set.relevance = {{"1", {{"a", 1}}}, {"2", {{"a", 0}}}, {"3", {{"a", 2}}}, {"4", {{"b", 1}}}};
  return set;
}

TEST(EvalSample, WithoutALimitAsksAllInTheOrderOfTheFile) {
  EXPECT_THAT(Ids(RetrievalSample(SetOfFour(), 0)), ElementsAre("1", "2", "3", "4"));
}

TEST(EvalSample, ALimitTakesTheFirstJudgedByMd5) {
  const EvalSet set = SetOfFour();
  EXPECT_FALSE(IsJudged(set, set.queries[1])) << "its only document is not relevant";
  EXPECT_THAT(Ids(RetrievalSample(set, 2)), ElementsAre("4", "1"));
  EXPECT_THAT(Ids(RetrievalSample(set, 9)), ElementsAre("4", "1", "3"));
}

TEST(EvalSample, EvidenceNeedsAPlace) {
  EvalSet set;
  set.queries = {Query("1", "a"), Query("2"), Query("3"), Query("4")};
  set.evidence = {{"1", {{"a", 0, 5}}}, {"3", {{"a", 5, 5}}}, {"4", {{"b", 5, 5}, {"b", 7, 9}}}};
  EXPECT_THAT(Ids(EvidenceSample(set, 0)), ElementsAre("4", "1"));
  EXPECT_THAT(Ids(EvidenceSample(set, 1)), ElementsAre("4"));
}

TEST(EvalSample, ScopedNeedsEvidenceInTheDocumentAskedAbout) {
  EvalSet set;
  set.queries = {Query("1", "a"), Query("2", "a"), Query("3", "a"), Query("4")};
  set.evidence = {
      {"1", {{"a", 0, 5}}}, {"2", {{"b", 0, 5}}}, {"3", {{"a", 5, 5}}}, {"4", {{"a", 0, 5}}}};
  EXPECT_THAT(Ids(ScopedSample(set, 0)), ElementsAre("1"));
}

}  // namespace
}  // namespace footnote::server
