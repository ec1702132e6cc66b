// Which part of a question names the document, and which asks.
#include "retriever/text/naming.h"

#include <gtest/gtest.h>

namespace footnote::retriever {
namespace {

std::string Rest(std::string_view question, std::string_view title) {
  const auto analyzer = Analyzer::Make("english");
  return std::string(WithoutNaming(question, title, **analyzer));
}

TEST(NamingTest, WhatNamesTheDocumentIsLeftOut) {
  EXPECT_EQ(Rest("In the lease \"Main Street 5\": who pays for repairs?", "Main Street 5"),
            "who pays for repairs?");
  EXPECT_EQ(Rest("According to the pump manual, how often is the seal changed?", "Pump Manual"),
            "how often is the seal changed?");
  EXPECT_EQ(Rest("Consider the \"Supply Agreement\" between Alfa, Inc. (\"Alfa\"); Beta Ltd. "
                 "(\"Beta\"). Does a party have a right to audit the books? Say where.",
                 "SUPPLY AGREEMENT"),
            "Does a party have a right to audit the books? Say where.");
}

TEST(NamingTest, AQuestionThatIsNotNamingStaysWhole) {
  for (const char* question :
       {"Who pays for repairs at Main Street 5?", "Main Street 5: who pays?",
        "In the lease \"Main Street\": who pays for repairs?",
        "Is Main Street 5 owned by Alfa Inc. and leased to Beta Ltd.?",
        "I live in Main Street 5 and have paid for repairs all year long, who pays for repairs?",
        "Main Street 5", ""}) {
    EXPECT_EQ(Rest(question, "Main Street 5"), question);
  }
  EXPECT_EQ(Rest("In the lease: who pays for repairs?", ""), "In the lease: who pays for repairs?");
}

}  // namespace
}  // namespace footnote::retriever
