#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

#include "audit/check_parts.h"
#include "base/try.h"

namespace assay::audit {
namespace {

using internal::Facts;
using internal::fault;
using internal::Fault;
using internal::Found;
using internal::OpenedRows;
using internal::ProductFindings;
using internal::Question;

Verdict rejected(const Fault& fault) {
  std::string reason = fault.reason;
  if (fault.item) reason = fmt::format("step {}: {}", *fault.item, reason);
  Verdict verdict = Verdict::rejected(fault.step, reason);
  if (fault.item) verdict.at_item(*fault.item);
  return verdict;
}

/// What passes before a fault is found.
struct Passed {
  std::vector<Verdict::Check> checks;
  void add(std::string step, Grade grade) { checks.push_back({std::move(step), grade}); }
};

Verdict with_checks(Verdict verdict, const Passed& passed) {
  for (const Verdict::Check& check : passed.checks) verdict.add_check(check.step, check.grade);
  return verdict;
}

/// Linear layers, and the multiply-adds of one row in each.
struct Work {
  std::uint64_t layers = 0;
  double multiply_adds = 0;
};

Work work_of(const Facts& facts, const BlockChoice& choice) {
  Work work;
  for (const Op& op : facts.table.ops) {
    if (!choice.has(op.output, facts.table.blocks)) continue;
    ++work.layers;
    work.multiply_adds += static_cast<double>(op.in) * static_cast<double>(op.out);
  }
  return work;
}

/// How much was looked at, of what there was.
void report_shares(Verdict& verdict, const Question& q) {
  const Facts& facts = q.facts();
  const Challenge& challenge = q.expected.challenge;
  const std::uint64_t prompt = q.expected.request.prompt_token_ids.size();
  const auto opened = static_cast<double>(challenge.steps.size());
  const auto passes = static_cast<double>(q.head.steps + prompt - 1);
  const Work all = work_of(facts, {});
  const Work recorded = work_of(facts, q.expected.blocks);
  verdict.add_figure("tokens", q.head.steps);
  verdict.add_figure("tokens opened", std::uint64_t{challenge.steps.size()});
  verdict.add_figure("layers", all.layers);
  verdict.add_figure("layers recorded", recorded.layers);
  verdict.add_figure("products opened", challenge.steps.size() * recorded.layers);
  // A product of one row and one layer, of the rows of prompt and answer.
  verdict.add_figure("share of products", opened / passes * static_cast<double>(recorded.layers) /
                                              static_cast<double>(all.layers));
  verdict.add_figure("multiply-adds opened", opened * recorded.multiply_adds);
  verdict.add_figure("share of multiply-adds", opened / passes * recorded.multiply_adds / all.multiply_adds);
  verdict.add_figure("attention opened", std::uint64_t{challenge.attention.size()});
  verdict.add_figure("share of attention", static_cast<double>(challenge.attention.size()) /
                                               (passes * std::max(1U, facts.table.blocks)));
  verdict.add_figure("rows not there", q.head.drops);
}

void report_limits(Verdict& verdict, const Question& q) {
  const Facts& facts = q.facts();
  const Result<std::vector<std::uint32_t>> chosen = q.expected.blocks.of(facts.table.blocks);
  if (chosen.ok() && chosen->size() < facts.table.blocks)
    verdict.add_note(
        fmt::format("of {} blocks {} are recorded, as was agreed ({}): of the others nothing is checked, and "
                    "the provider knows which these are",
                    facts.table.blocks, chosen->size(), fmt::join(*chosen, ", ")));
  if (!facts.has_chain()) verdict.add_note(q.reference.attention_left_out());
  if (facts.has_chain() && !facts.has_attention())
    verdict.add_note("attention is not checked: " + q.reference.attention_left_out());
  if (facts.has_attention() && q.expected.challenge.attention.empty())
    verdict.add_note("attention is not checked: the challenge drew no block");
  if (facts.has_chain() && facts.embedding.empty() && q.reference.folder() == nullptr)
    verdict.add_note(
        "that the first residual is the token's embedding is not checked: a key does not hold it");
  if (!q.expected.request.is_greedy())
    verdict.add_note(
        fmt::format("the choice of tokens is not bound: sampling is '{}'", q.expected.request.sampling));
  for (const std::string& name : facts.table.left_out) verdict.add_note(name + " is not checked");
  if (q.expected.drawn_here) {
    verdict.add_assumption("nobody but the verifier writes to its record of what was drawn");
  } else {
    verdict.add_note(
        "nothing shows that the verifier drew the challenge: it was not looked up in a record of what was "
        "drawn");
    verdict.add_assumption("the challenge was drawn after the head lay before the verifier, and once");
  }
  verdict.add_note("not seen: work that was not declared, attention in blocks that were not drawn");
  if (q.reference.is_secret()) verdict.add_assumption("nobody but the verifier knows the key");
}

Verdict rejected_product(const Question& q, const ProductFindings::Failure& failure) {
  const Wire& wire = q.facts().table.ops[failure.op].output;
  const std::string reason =
      fmt::format("{}, position {}: {}", wire.to_string(), failure.position, failure.reason);
  return wire.role == Role::kLogits ? rejected(fault("logits", reason, failure.step))
                                    : rejected(fault("product", reason, failure.step));
}

/// The questions that need numbers.
Result<Verdict> check_numbers(const Question& q, Passed& passed) {
  const OpenedRows rows(q.openings);
  const Facts& facts = q.facts();
  const std::vector<internal::Product> products = ASSAY_TRY(internal::opened_products(q, rows));
  const Tolerance& tolerance = q.expected.tolerance;
  const ProductFindings found =
      q.reference.is_secret() ? internal::check_by_key(*q.reference.key(), products, tolerance, q.measured)
                              : ASSAY_TRY(internal::check_by_weights(*q.reference.folder(), facts, products,
                                                                     tolerance, q.measured));
  // Of a run that is measured all is looked at, whatever comes of its products.
  const bool go_on = q.measured != nullptr;
  if (found.failure && !go_on) return rejected_product(q, *found.failure);
  const Grade grade = q.reference.is_secret() ? Grade::kStatistical : Grade::kRecomputed;
  passed.add("product", grade);
  passed.add("logits", grade);
  const Found chain = ASSAY_TRY(internal::check_chain(q, rows));
  if (chain && !go_on) return rejected(*chain);
  passed.add("chain", facts.has_chain() ? Grade::kRecomputed : Grade::kMissing);
  const Found attention = ASSAY_TRY(internal::check_attention(q, rows));
  if (attention) return rejected(*attention);
  const bool attended = facts.has_attention() && !q.expected.challenge.attention.empty();
  passed.add("attention", attended ? Grade::kRecomputed : Grade::kMissing);
  const Found token = ASSAY_TRY(internal::check_tokens(q, rows));
  if (token) return rejected(*token);
  passed.add("token", q.expected.request.is_greedy() ? Grade::kRecomputed : Grade::kMissing);
  if (found.failure) return rejected_product(q, *found.failure);
  if (chain) return rejected(*chain);
  Verdict verdict = Verdict::accepted();
  if (found.variance) verdict.add_figure("variance of the rounding, over the formula's", *found.variance);
  return verdict;
}

Status check_challenge(const Head& head, const Expectation& expected, const Facts& facts) {
  const Challenge& challenge = expected.challenge;
  if (challenge.head != head.digest())
    return Error{ErrorCode::kMismatch, "challenge", "it is about another head"};
  if (challenge.steps.empty() || challenge.steps.back() >= head.steps)
    return Error{ErrorCode::kOutOfRange, "challenge", "it asks for a step that the run does not have"};
  for (const Challenge::Attention& one : challenge.attention) {
    if (one.block >= facts.table.blocks)
      return Error{ErrorCode::kOutOfRange, "challenge",
                   fmt::format("block {} of a model of {}", one.block, facts.table.blocks)};
    if (!expected.blocks.has(one.block))
      return Error{ErrorCode::kOutOfRange, "challenge",
                   fmt::format("block {} is none of those that are recorded", one.block)};
  }
  return {};
}

}  // namespace

namespace internal {

Result<Found> check_head(const Head& head, const Expectation& expected, const Facts& facts) {
  const auto refused = [](std::string reason) { return Found(fault("head", std::move(reason))); };
  if (head.manifest != facts.manifest)
    return Error{
        ErrorCode::kMismatch, "head",
        fmt::format("it is of the weights {}, not of {}", to_hex(head.manifest), to_hex(facts.manifest))};
  if (head.request != expected.request.digest()) return refused("it is about another request");
  if (head.nonce != expected.request.nonce) return refused("it has another nonce");
  const std::size_t tokens = expected.request.output_token_ids.size();
  if (head.steps != tokens)
    return refused(fmt::format("{} steps, {} tokens were delivered", head.steps, tokens));
  static_cast<void>(ASSAY_TRY(expected.blocks.of(facts.table.blocks)));
  std::vector<WireEntry> wires = expected_wires(facts, expected.blocks);
  if (!facts.has_chain()) {
    // Where nothing follows from the residual stream, whether it was recorded is up to the provider.
    std::ranges::copy_if(head.wires, std::back_inserter(wires),
                         [](const WireEntry& entry) { return entry.wire.role == Role::kResidual; });
    std::ranges::sort(wires, {}, &WireEntry::wire);
  }
  const std::uint64_t prompt = expected.request.prompt_token_ids.size();
  const auto whole = static_cast<std::uint64_t>(std::ranges::count_if(
      wires, [&](const WireEntry& entry) { return has_whole_prompt(entry.wire, facts); }));
  // How many drops are few is a share of these.
  const std::uint64_t least = wires.size() * head.steps + whole * (prompt - 1);
  const std::uint64_t most = wires.size() * (head.steps + prompt - 1);
  if (head.wires == wires) {
    if (head.rows >= least && head.rows <= most) return Found();
    return refused(fmt::format("{} rows, such a run has {} to {}", head.rows, least, most));
  }
  for (const WireEntry& wire : wires) {
    const auto found = find_wire(head.wires, wire.wire);
    if (!found) return refused(fmt::format("it has no wire '{}'", wire.wire.to_string()));
    const WireEntry& given = head.wires[*found];
    if (given != wire)
      return refused(fmt::format("{}: rows of {} bytes of {}, not {} of {}", wire.wire.to_string(),
                                 given.row_bytes, to_string(given.dtype), wire.row_bytes,
                                 to_string(wire.dtype)));
  }
  return refused(expected.blocks.is_all()
                     ? "it has wires that the model does not have"
                     : "it has wires that the model does not have, or of blocks that were not agreed on");
}

}  // namespace internal

Tolerance Tolerance::of(RowDtype dtype) {
  Tolerance tolerance;
  if (dtype == RowDtype::kF16) tolerance.attention_error = 0.001;
  if (dtype == RowDtype::kF32 || dtype == RowDtype::kF64) tolerance.attention_error = 1e-4;
  return tolerance;
}

Result<Tolerance> Tolerance::of(const Profile& profile, const Reference& reference) {
  const RowDtype dtype = reference.dtype();
  if (profile.conditions.dtype != to_string(dtype))
    return Error{ErrorCode::kMismatch, "profile",
                 fmt::format("'{}' was measured in {}, the model computes in {}", profile.title(),
                             profile.conditions.dtype, to_string(dtype))};
  ASSAY_TRY(profile.check_for(reference.ops()));
  Tolerance tolerance = of(dtype);
  tolerance.variance_factor = profile.variance_factor;
  tolerance.differing_share = profile.differing_share;
  tolerance.attention_error = profile.attention_error;
  return tolerance;
}

Result<Reference> Reference::of(const weights::Folder& folder, RowDtype dtype, const Digest& manifest) {
  Reference reference;
  reference.facts_ = std::make_shared<const Facts>(ASSAY_TRY(internal::Facts::of(folder, dtype, manifest)));
  reference.folder_ = std::make_shared<const weights::Folder>(folder);
  return reference;
}

Reference Reference::of(const Key& key) {
  Reference reference;
  reference.key_ = key.shared_contents();
  reference.facts_ = {reference.key_, &reference.key_->facts};
  return reference;
}

Result<Reference> Reference::of_key_file(const std::filesystem::path& path) {
  Reference reference = of(ASSAY_TRY(Key::read(path)));
  reference.key_path_ = path;
  return reference;
}

const Digest& Reference::manifest() const { return facts_->manifest; }
std::string Reference::attention_left_out() const {
  return facts_->has_chain() ? facts_->spec.attention_left_out
                             : "products alone are checked: " + facts_->spec.why_other;
}
RowDtype Reference::dtype() const { return facts_->dtype; }
const std::vector<Op>& Reference::ops() const { return facts_->table.ops; }

Status Expectation::set_tolerance(const Reference& reference) {
  tolerance = profile ? ASSAY_TRY(Tolerance::of(*profile, reference)) : Tolerance::of(reference.dtype());
  return {};
}

bool tells_of_key(const Verdict& verdict) {
  return verdict.outcome() == Outcome::kRejected &&
         (verdict.step() == "product" || verdict.step() == "logits");
}

namespace internal {

Result<Verdict> judge(const Head& head, const Openings* openings, const Expectation& expected,
                      const Reference& reference, Measured* measured) {
  const Facts& facts = reference.facts();
  const Found wrong_head = ASSAY_TRY(internal::check_head(head, expected, facts));
  if (wrong_head) return rejected(*wrong_head);
  ASSAY_TRY(check_challenge(head, expected, facts));
  Passed passed;
  passed.add("head", Grade::kBound);
  passed.add("challenge", expected.drawn_here ? Grade::kBound : Grade::kMissing);
  if (openings == nullptr)
    return with_checks(rejected(fault("missing", "the provider did not answer the challenge")), passed);
  if (openings->challenge != expected.challenge.digest())
    return Error{ErrorCode::kMismatch, "openings", "they answer another challenge"};

  const Question q{head, *openings, expected, reference, measured};
  const Found missing = ASSAY_TRY(internal::check_missing(q));
  if (missing) return with_checks(rejected(*missing), passed);
  passed.add("missing", Grade::kRecomputed);
  using Ask = Found (*)(const Question&);
  for (const auto& [step, ask] : {std::pair<const char*, Ask>("inclusion", internal::check_inclusion),
                                  {"drops", internal::check_drops},
                                  {"delivered tokens", internal::check_said_tokens}}) {
    const Found found = ask(q);
    if (found) return with_checks(rejected(*found), passed);
    passed.add(step, Grade::kBound);
  }
  Verdict verdict = with_checks(ASSAY_TRY(check_numbers(q, passed)), passed);
  // What is there was looked at all the same: a row that is not there hides itself alone.
  if (verdict.ok() && internal::has_dropped_rows(*openings)) {
    verdict =
        with_checks(Verdict::inconclusive("drops", "a row that was drawn is not there, as few are"), passed);
  }
  report_shares(verdict, q);
  report_limits(verdict, q);
  if (expected.profile) {
    const profile::Conditions here = {{}, std::string(to_string(reference.dtype())), {}};
    profile::add_basis(verdict, *expected.profile, here,
                       fmt::format("{} honest runs", expected.profile->honest_runs));
  }
  if (verdict.ok()) {
    verdict.set_miss_bound(miss_bound(expected.cheat_share, expected.challenge.steps.size()));
    verdict.add_assumption(
        fmt::format("the miss bound is that of a cheat in {} of the tokens, wrong in each of them{}",
                    expected.cheat_share, expected.blocks.is_all() ? "" : ", in what is recorded"));
  }
  return verdict;
}

}  // namespace internal

Result<Verdict> check(const SignedHead& head, const Openings* openings, const Expectation& expected,
                      const Reference& reference) {
  if (!(expected.cheat_share > 0 && expected.cheat_share < 1))
    return Error{ErrorCode::kOutOfRange, "share", "it is not between 0 and 1"};
  const double factor = expected.tolerance.variance_factor;
  if (!(factor > 0 && std::isfinite(factor)))
    return Error{ErrorCode::kOutOfRange, "variance factor", "it is not above 0"};
  if (!head.is_signed_by(expected.provider)) return rejected(fault("head", "the provider did not sign it"));
  Verdict verdict = ASSAY_TRY(internal::judge(head.head(), openings, expected, reference));
  if (!reference.key_path().empty() && tells_of_key(verdict)) ASSAY_TRY(Key::end_epoch(reference.key_path()));
  return verdict;
}

}  // namespace assay::audit
