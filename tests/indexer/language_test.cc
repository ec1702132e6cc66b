#include "indexer/text/language.h"

#include <gtest/gtest.h>

namespace footnote::indexer {
namespace {

constexpr char kEnglish[] =
    "The lessee returns the premises in the condition in which they were received, fair wear and "
    "tear excepted. Notice of termination is given in writing, three months before the end of a "
    "quarter. ";
constexpr char kGerman[] =
    "Der Mieter gibt die Räume in dem Zustand zurück, in dem er sie erhalten hat, abgesehen von "
    "der "
    "üblichen Abnutzung. Die Kündigung erfolgt schriftlich, drei Monate vor dem Ende eines "
    "Quartals. ";
constexpr char kHebrew[] =
    "השוכר יחזיר את הנכס במצב שבו קיבל אותו, למעט בלאי סביר. הודעה על סיום החוזה תינתן בכתב, שלושה "
    "חודשים לפני סוף הרבעון. כל צד רשאי לבטל את ההסכם אם הצד השני הפר אותו הפרה יסודית ולא תיקן "
    "אותה בתוך זמן סביר. ";

std::string Repeat(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

TEST(DetectLanguage, NamesTheLanguageOfProse) {
  EXPECT_EQ(DetectLanguage(kEnglish), "en");
  EXPECT_EQ(DetectLanguage(kGerman), "de");
  EXPECT_EQ(DetectLanguage(kHebrew), "he");
  EXPECT_EQ(DetectLanguage("承租人应当按照约定的方法使用租赁物。承租人按照约定的方法使用租赁物，"
                           "致使租赁物受到损耗的，不承担赔偿责任。出租人应当履行租赁物的维修义务，"
                           "但是当事人另有约定的除外。"),
            "zh");
}

TEST(DetectLanguage, IsSilentWhenItIsNotSure) {
  EXPECT_EQ(DetectLanguage(""), "");
  EXPECT_EQ(DetectLanguage("Der Mieter kündigt."), "");
  EXPECT_EQ(DetectLanguage(Repeat("0x7f 42 13.5 == { } ; ", 100)), "");
  EXPECT_EQ(DetectLanguage(Repeat(kEnglish, 3) + Repeat(kGerman, 3)), "");
}

TEST(DetectLanguage, LooksBehindACoverInAnotherLanguage) {
  const std::string english_cover = Repeat(kEnglish, 20);  // 4 KB
  EXPECT_EQ(DetectLanguage(english_cover + Repeat(kGerman, 1000)), "de");
  // Cuts characters nowhere, whatever the length.
  for (int extra = 0; extra < 8; ++extra) {
    EXPECT_EQ(DetectLanguage(std::string(static_cast<size_t>(extra), ' ') + Repeat(kHebrew, 300)),
              "he");
  }
}

}  // namespace
}  // namespace footnote::indexer
