#include "retriever/storage/segment_words.h"

#include <gmock/gmock.h>

#include <random>

#include "tests/testing/status_matchers.h"

namespace footnote::retriever {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::pair<std::string, std::string>> Pairs(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const AbbreviationPair& pair : FindAbbreviations(text)) {
    pairs.emplace_back(pair.abbreviation, pair.long_form);
  }
  return pairs;
}

std::pair<std::string, std::string> Pair(const char* name, const char* long_form) {
  return {name, long_form};
}

TEST(Abbreviations, AreThoseThatBracketsExplain) {
  EXPECT_THAT(Pairs("after myocardial infarction (MI), and"),
              ElementsAre(Pair("MI", "myocardial infarction")));
  EXPECT_THAT(
      Pairs("the World Health\n  Organization (WHO) says. Chronic kidney disease (CKD) is"),
      ElementsAre(Pair("WHO", "World Health Organization"), Pair("CKD", "Chronic kidney disease")));
  EXPECT_THAT(Pairs("GPL (General Public License) applies"),
              ElementsAre(Pair("GPL", "General Public License")));
  EXPECT_THAT(Pairs("tumour necrosis factor alpha (TNF-a) rose"),
              ElementsAre(Pair("TNF-a", "tumour necrosis factor alpha")));
  EXPECT_THAT(Pairs("electrocardiogram recording (ECG; normal)"),
              ElementsAre(Pair("ECG", "electrocardiogram recording")));
}

TEST(Abbreviations, AreNotWhatMerelyStandsInBrackets) {
  EXPECT_THAT(Pairs("the file (see below) of 2010 (UK) and fork(2), open (RDWR)"), IsEmpty());
  EXPECT_THAT(Pairs("(MI) at the start, myocardial infarction. (MI)"), IsEmpty());
  EXPECT_THAT(Pairs("unclosed (MI and then"), IsEmpty());
  EXPECT_THAT(Pairs("((((((((("), IsEmpty());
}

TEST(Words, ArePlainOnes) {
  EXPECT_THAT(PlainWords("The Lessor's duties, in x86_64 or O_CLOEXEC; caf\xC3\xA9s; two"),
              ElementsAre("the", "lessor", "duties", "two"));
}

TEST(Words, DistanceIsThatOfTheFullTable) {
  const auto slow = [](const std::string& a, const std::string& b) {
    std::vector<std::vector<int>> d(a.size() + 1, std::vector<int>(b.size() + 1));
    for (size_t i = 0; i <= a.size(); ++i) {
      for (size_t j = 0; j <= b.size(); ++j) {
        if (i == 0 || j == 0) {
          d[i][j] = static_cast<int>(i + j);
          continue;
        }
        d[i][j] = std::min(
            {d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
          d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.size()][b.size()];
  };
  std::mt19937 random(3);
  const auto word = [&] {
    std::string text(4 + random() % 9, 'a');
    for (char& c : text) c = static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int i = 0; i < 20000; ++i) {
    const std::string a = word();
    const std::string b = word();
    for (int most : {1, 2}) ASSERT_EQ(EditDistance(a, b, most), std::min(most + 1, slow(a, b)));
  }
}

}  // namespace
}  // namespace footnote::retriever
