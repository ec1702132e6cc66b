#include "common/types.h"

namespace footnote {

const char* SentenceOriginName(SentenceOrigin origin) {
  switch (origin) {
    case SentenceOrigin::kGenerated:
      return "generated";
    case SentenceOrigin::kRegenerated:
      return "regenerated";
    case SentenceOrigin::kQuoted:
      return "quoted";
  }
  return "";
}

const char* AbstainReasonName(AbstainReason reason) {
  switch (reason) {
    case AbstainReason::kNone:
      return "";
    case AbstainReason::kNoRelevantContent:
      return "NO_RELEVANT_CONTENT";
    case AbstainReason::kLowGrounding:
      return "LOW_GROUNDING";
  }
  return "";
}

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNone:
      return "";
    case Verdict::kYes:
      return "yes";
    case Verdict::kNo:
      return "no";
  }
  return "";
}

const char* RiskSettingName(RiskSetting risk) {
  switch (risk) {
    case RiskSetting::kStrict:
      return "strict";
    case RiskSetting::kBalanced:
      return "balanced";
    case RiskSetting::kOpen:
      return "open";
  }
  return "";
}

}  // namespace footnote
