// What is asked of an answer by a verifier who knows the prompt.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "assay/toploc_verdict.h"

namespace assay::toploc {
namespace {

std::optional<Verdict> other_prompt(const Signature& signature, const Prompt& prompt) {
  if (signature.prompt != prompt.text)
    return Verdict::rejected("prompt", "its text is not that of the prompt asked for");
  const std::vector<std::uint32_t>& theirs = signature.prompt_token_ids;
  const std::vector<std::uint32_t>& own = prompt.token_ids;
  if (theirs.size() != own.size())
    return Verdict::rejected(
        "prompt", fmt::format("{} tokens, the verifier's tokenizer gives {}", theirs.size(), own.size()));
  const auto [their, ours] = std::ranges::mismatch(theirs, own);
  if (their != theirs.end())
    return Verdict::rejected("prompt", fmt::format("token {} is {}, the verifier's tokenizer gives {}",
                                                   their - theirs.begin(), *their, *ours));
  return {};
}

std::optional<Verdict> other_length(const std::vector<std::uint32_t>& tokens, const AnswerLength& length) {
  const auto rejected = [](std::string reason) {
    return Verdict::rejected("answer length", std::move(reason));
  };
  if (tokens.size() < length.least)
    return rejected(fmt::format("{} tokens, at least {} were asked for", tokens.size(), length.least));
  if (tokens.size() > length.most)
    return rejected(fmt::format("{} tokens, at most {} were asked for", tokens.size(), length.most));
  const auto ends = [&](std::uint32_t token) { return std::ranges::count(length.ends, token) != 0; };
  const auto end = std::ranges::find_if(tokens, ends);
  if (end != tokens.end() && end + 1 != tokens.end())
    return rejected(fmt::format("token {} of {} is {}, which ends a text, and the answer goes on",
                                end - tokens.begin(), tokens.size(), *end));
  if (tokens.size() < length.most && end == tokens.end())
    return rejected(
        fmt::format("{} tokens of {}, and the last, {}, ends no text: it was cut, or made with "
                    "another maximum",
                    tokens.size(), length.most, tokens.back()));
  return {};
}

}  // namespace

std::uint64_t fewest_tokens(const Batching& batching, std::uint64_t most) {
  return std::min<std::uint64_t>(batching.decode_batching_size, most);
}

Status check_prompts(std::span<const Prompt> prompts) {
  std::map<std::vector<std::uint32_t>, std::size_t> seen;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto [before, added] = seen.emplace(prompts[i].token_ids, i);
    if (!added)
      return Error{ErrorCode::kOutOfRange, fmt::format("prompt {}", i),
                   fmt::format("has the tokens of prompt {}: one answer would do for both; give each once",
                               before->second)};
  }
  return {};
}

Verdict check_answer(const Signature& signature, const Prompt& prompt, const AnswerLength& length) {
  if (std::optional<Verdict> no = other_prompt(signature, prompt)) return *std::move(no);
  std::optional<Verdict> no = other_length(signature.output_token_ids, length);
  Verdict verdict = no ? *std::move(no) : Verdict::accepted();
  verdict.add_check("prompt", Grade::kRecomputed);
  if (verdict.ok()) verdict.add_check("answer length", Grade::kRecomputed);
  return verdict;
}

}  // namespace assay::toploc
