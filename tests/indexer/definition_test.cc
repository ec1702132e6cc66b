#include "indexer/text/definition.h"

#include <gtest/gtest.h>

namespace footnote::indexer {
namespace {

TEST(Definition, BeginsWithAQuotedTermAndAVerb) {
  for (const char* text :
       {"\"Affiliate\" means any entity.", "“Affiliate” shall mean any entity.",
        "1.2 \"Losses\" has the meaning set forth in Section 4.", "(a) \"CONTENT\" means all.",
        "1.1 (b) The term “Product” or “Products” means X.", "\"A\", \"B\" and \"C\" mean Y.",
        "\"Buyer\" (as used herein) refers to Z.", "\"Net Sales\" includes W.",
        "\"Term\": the period", "«Partie» means P", "''Notice'' will mean N",
        "Section 1.4. \"Law\" has the same meaning as in the Act."}) {
    EXPECT_TRUE(BeginsDefinition(text)) << text;
  }
}

TEST(Definition, IsNotWhatMerelyQuotesOrMeans) {
  for (const char* text :
       {"This means that the term", "The Seller (\"Seller\") means business.", "\"Yes\" he said.",
        "\"Affiliate", "\"\" means nothing", "Affiliate means any", "\"A\" meanwhile", "",
        "The \"Term\" of this Agreement has the length of"}) {
    EXPECT_FALSE(BeginsDefinition(text)) << text;
  }
}

}  // namespace
}  // namespace footnote::indexer
