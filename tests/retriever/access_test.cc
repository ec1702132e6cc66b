#include "retriever/access.h"

#include "tests/testing/status_matchers.h"

namespace footnote::retriever {
namespace {

const Asker kAnn{{"user:ann", "group:legal"}};
const Asker kNobody{};

TEST(Access, NoListMeansNobodyUnlessTheCorpusIsPublic) {
  EXPECT_FALSE(MaySee(kAnn, {}, false));
  EXPECT_TRUE(MaySee(kAnn, {}, true));
  EXPECT_TRUE(MaySee(kNobody, {}, true));
}

TEST(Access, AListRulesInAPublicCorpusToo) {
  EXPECT_FALSE(MaySee(kNobody, {{"user:bob"}, {}}, true));
  EXPECT_FALSE(MaySee(kAnn, {{"user:bob"}, {}}, true));
  EXPECT_TRUE(MaySee(kAnn, {{"group:legal"}, {}}, true));
  EXPECT_TRUE(MaySee(kAnn, {{"user:ann"}, {}}, false));
}

TEST(Access, DenialWins) {
  EXPECT_FALSE(MaySee(kAnn, {{"user:ann"}, {"group:legal"}}, false));
  EXPECT_FALSE(MaySee(kAnn, {{"user:ann"}, {"everyone"}}, true));
  // Only a denial: nobody is allowed.
  EXPECT_FALSE(MaySee(kAnn, {{}, {"user:bob"}}, true));
}

TEST(Access, EveryoneIncludesTheUnknownInPublicCorporaOnly) {
  EXPECT_TRUE(MaySee(kNobody, {{"everyone"}, {}}, true));
  EXPECT_FALSE(MaySee(kNobody, {{"everyone"}, {}}, false));
  EXPECT_TRUE(MaySee(kAnn, {{"everyone"}, {}}, false));
}

TEST(Access, PrincipalsAreWhole) {
  EXPECT_FALSE(MaySee({{"user:an"}}, {{"user:ann"}, {}}, true));
  EXPECT_FALSE(MaySee({{"group:ann"}}, {{"user:ann"}, {}}, true));
}

TEST(Access, PrincipalsArePrefixedOrEveryone) {
  EXPECT_OK(CheckPrincipal("everyone"));
  EXPECT_OK(CheckPrincipal("user:ann@example.org"));
  EXPECT_OK(CheckPrincipal("group:cardiology"));
  EXPECT_STATUS(CheckPrincipal("ann"), kInvalidArgument, "\"ann\"");
  EXPECT_STATUS(CheckPrincipal("user:"), kInvalidArgument, "everyone");
  EXPECT_STATUS(CheckPrincipal(""), kInvalidArgument, "\"\"");
}

}  // namespace
}  // namespace footnote::retriever
