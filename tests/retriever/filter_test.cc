#include "retriever/filter.h"

#include <gmock/gmock.h>

#include "tests/testing/status_matchers.h"

namespace footnote::retriever {
namespace {

const Metadata kContract = {
    {"year", {2021.0}},
    {"kind", {std::string("contract")}},
    {"tags", {std::string("red"), std::string("green")}},
    {"signed", {true}},
    {"date", {std::string("2021-03-05")}},
    {"empty", {}},
};

bool Holds(const std::string& expression) {
  StatusOr<Filter> filter = Filter::Parse(expression);
  EXPECT_TRUE(filter.ok()) << expression << ": " << filter.status().ToString();
  return filter.ok() && filter->Matches(kContract);
}

TEST(Filter, ComparesNumbersStringsAndBooleans) {
  EXPECT_TRUE(Holds("year >= 2020"));
  EXPECT_TRUE(Holds("year<2021.5"));
  EXPECT_FALSE(Holds("year > 2021"));
  EXPECT_TRUE(Holds("year <= 2.021e3"));
  EXPECT_FALSE(Holds("year = -2021"));
  EXPECT_TRUE(Holds("kind = \"contract\""));
  EXPECT_TRUE(Holds("kind != \"law\""));
  EXPECT_TRUE(Holds("signed = true"));
  EXPECT_FALSE(Holds("signed = false"));
  EXPECT_TRUE(Holds("date >= \"2021-03-01\" and date < \"2021-04-01\""));
}

TEST(Filter, AFieldWithSeveralValuesMatchesWhenOneDoes) {
  EXPECT_TRUE(Holds("tags = \"green\""));
  EXPECT_TRUE(Holds("tags in [\"blue\", \"red\"]"));
  EXPECT_FALSE(Holds("tags in [\"blue\"]"));
  EXPECT_TRUE(Holds("prefix(tags, \"gre\")"));
  EXPECT_FALSE(Holds("prefix(tags, \"een\")"));
  EXPECT_TRUE(Holds("year in [2020, 2021]"));
}

TEST(Filter, AMissingFieldMatchesNothingAndExistsTells) {
  EXPECT_FALSE(Holds("absent = 1"));
  EXPECT_FALSE(Holds("absent != 1"));
  EXPECT_TRUE(Holds("not absent = 1"));
  EXPECT_FALSE(Holds("exists(absent)"));
  EXPECT_FALSE(Holds("exists(empty)"));
  EXPECT_TRUE(Holds("exists(year)"));
}

TEST(Filter, ValuesOfTwoTypesAreNeverEqualOrOrdered) {
  EXPECT_FALSE(Holds("year = \"2021\""));
  EXPECT_FALSE(Holds("year < \"3\""));
  EXPECT_TRUE(Holds("year != \"2021\""));
}

TEST(Filter, AndBindsTighterThanOrAndNotTighterThanBoth) {
  EXPECT_TRUE(Holds("year = 2021 or year = 1 and year = 2"));
  EXPECT_FALSE(Holds("(year = 2021 or year = 1) and year = 2"));
  EXPECT_TRUE(Holds("not year = 1 and year = 2021"));
  EXPECT_TRUE(Holds("not not year = 2021"));
  EXPECT_TRUE(
      Holds("year >= 2020 and (kind = \"law\" or not exists(withdrawn)) and signed = true"));
  EXPECT_TRUE(Holds("year = 1 and year = 2 or year = 3 or kind = \"contract\""));
}

TEST(Filter, StringsMayHoldQuotesAndAnyBytes) {
  StatusOr<Filter> filter = Filter::Parse("name = \"a\\\"b\\\\c ö\"");
  ASSERT_OK(filter);
  EXPECT_TRUE(filter->Matches({{"name", {std::string("a\"b\\c ö")}}}));
}

TEST(Filter, NamesItsFields) {
  StatusOr<Filter> filter =
      Filter::Parse("a.b-c = 1 or exists(d) or prefix(e, \"x\") or exists = 2");
  ASSERT_OK(filter);
  EXPECT_THAT(filter->fields(), ::testing::UnorderedElementsAre("a.b-c", "d", "e", "exists"));
  EXPECT_EQ(filter->expression(), "a.b-c = 1 or exists(d) or prefix(e, \"x\") or exists = 2");
}

TEST(Filter, MistakesAreToldWithTheirPlace) {
  EXPECT_STATUS(Filter::Parse(""), kInvalidArgument, "byte 0");
  EXPECT_STATUS(Filter::Parse("year"), kInvalidArgument, "byte 4: expected =");
  EXPECT_STATUS(Filter::Parse("year = "), kInvalidArgument, "expected a value");
  EXPECT_STATUS(Filter::Parse("year = 2020 2021"), kInvalidArgument, "byte 12");
  EXPECT_STATUS(Filter::Parse("year = 2020-01-01"), kInvalidArgument, "dates as \"strings\"");
  EXPECT_STATUS(Filter::Parse("(year = 1"), kInvalidArgument, "\")\"");
  EXPECT_STATUS(Filter::Parse("kind = \"open"), kInvalidArgument, "closing quote");
  EXPECT_STATUS(Filter::Parse("year in []"), kInvalidArgument, "a value");
  EXPECT_STATUS(Filter::Parse("year in [1"), kInvalidArgument, "\"]\"");
  EXPECT_STATUS(Filter::Parse("and = 1"), kInvalidArgument, "field name");
  EXPECT_STATUS(Filter::Parse("a = 1 and"), kInvalidArgument, "found the end");
  EXPECT_STATUS(Filter::Parse("a = \"x\\n\""), kInvalidArgument, "backslash");
}

TEST(Filter, HostileNestingIsRefusedNotFollowed) {
  EXPECT_STATUS(Filter::Parse(std::string(50000, '(') + "a = 1"), kInvalidArgument, "nested");
  std::string nots;
  for (int i = 0; i < 5000; ++i) nots += "not ";
  EXPECT_STATUS(Filter::Parse(nots + "a = 1"), kInvalidArgument, "nested");
  EXPECT_STATUS(Filter::Parse(std::string(100000, ' ')), kInvalidArgument, "longer");
}

}  // namespace
}  // namespace footnote::retriever
