#include <fmt/format.h>

#include <algorithm>

#include "assay/pipeline.h"
#include "assay/pst_original.h"
#include "base/file.h"
#include "base/json.h"
#include "base/try.h"
#include "claim/query_rules.h"
#include "claim/verify_named.h"
#include "pipeline/proofs_visitor.h"

namespace assay::pipeline {
namespace {

using claim::Query;
using claim::Verification;

// What the checker is asked about: the point, under a header that says nothing.
Result<claim::Commitment> bare_commitment(const G1Affine& point, const pst::VerifierKey& key) {
  const encode::LayerShape layer{"array", tensor::Shape(key.axes.sizes().begin(), key.axes.sizes().end()),
                                 ""};
  encode::Layout layout = ASSAY_TRY(encode::plan_flat(std::span(&layer, 1)));
  claim::Header header{std::move(layout), {}, {}};
  header.setup_digest = key.digest();
  return claim::Commitment{std::move(header), curve::encode(point)};
}

Verification check_alone(const ProofsJson& given, const claim::TensorChecker& checker,
                         const claim::VerifyOptions& options) {
  if (given.proofs.empty()) return {Verdict::inconclusive("no proofs", "there is nothing to check"), {}, {}};
  const Axes& axes = checker.key().axes;
  const std::uint32_t largest = *std::ranges::max_element(axes.sizes());
  if (given.num_variables != axes.count() || given.degree_bound != largest)
    return {Verdict::rejected(
                "axes", fmt::format("{} variables of degree bound {}, the SRS has {} axes of at most {} "
                                    "nodes",
                                    given.num_variables, given.degree_bound, axes.count(), largest)),
            {},
            {}};
  const Result<claim::Commitment> commitment = bare_commitment(given.commitment, checker.key());
  if (!commitment.ok()) return {Verdict::rejected("axes", commitment.error().to_string()), {}, {}};
  claim::Evidence shown =
      checker.check_evidence(*commitment, given.proofs, Verification::kMaxFalse, *options.world);
  Verification found{std::move(shown.verdict), std::move(shown.false_proofs), {}};
  if (!found.false_proofs.empty()) found.verdict.at_item(found.false_proofs.front());
  return found;
}

// The proofs as those of a header with these axes, in which a point of the grid has one form.
claim::Proofs settle(const ProofsJson& given, const Axes& axes, const Digest& digest) {
  claim::Proofs proofs(digest, given.num_variables);
  for (std::size_t k = 0; k < given.proofs.size(); ++k) {
    const claim::Proof proof = given.proofs[k];
    proofs.add(Query::anywhere(proof.query.coordinates(), axes), proof.answer);
  }
  return proofs;
}

/// Whether the first proof is one under the fixed setup of the original pipeline.
bool holds_under_original_setup(const ProofsJson& given, const Axes& axes) {
  const claim::Proof first = given.proofs[0];
  pst::Statement statement{given.commitment, first.query.coordinates(), {first.answer.value, {}}};
  const std::size_t count = first.answer.evidence.size() / 32;
  statement.opening.quotients.resize(count);
  if (curve::decode_all_g1(first.answer.evidence, statement.opening.quotients) != count) return false;
  return pst::check_under_original_setup(axes, statement).ok();
}

Verdict bind(const ProofsJson& given, const claim::Commitment& commitment, const Digest& digest) {
  const Axes& axes = commitment.header.layout.axes;
  if (given.num_variables != axes.count())
    return Verdict::rejected("axes", fmt::format("the proofs are for {} variables, the header has {} axes",
                                                 given.num_variables, axes.count()));
  if (curve::encode(given.commitment) != commitment.value)
    return Verdict::rejected("commitment digest",
                             fmt::format("the proofs are for the point {}, the commitment is {}",
                                         to_hex(curve::encode(given.commitment)), to_hex(commitment.value)));
  if (given.commitment_digest && *given.commitment_digest != digest)
    return Verdict::rejected("commitment digest", "the proofs name another commitment's digest");
  return Verdict::accepted();
}

}  // namespace

Result<ProofsJson> ProofsJson::parse(std::string_view json, std::string_view place) {
  if (json.size() > kMaxBytes)
    return Error{ErrorCode::kTooLarge, std::string(place),
                 fmt::format("{} bytes, at most {} are read", json.size(), kMaxBytes)};
  internal::ProofsJsonHead head;
  ASSAY_TRY(parse_json_stream(json, head, place));
  ProofsJson out = ASSAY_TRY(head.take(place));
  // The sizes may stand behind the proofs: these are read once more, when they are known.
  internal::ProofsJsonList list(out.num_variables, out.degree_bound);
  ASSAY_TRY(parse_json_stream(json, list, place));
  out.proofs = list.take();
  if (out.commitment_digest) out.proofs.commitment_digest = *out.commitment_digest;
  return out;
}

Result<ProofsJson> ProofsJson::read(const std::filesystem::path& path) {
  const Bytes bytes = ASSAY_TRY(read_file(path, kMaxBytes));
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

Verification verify(const ProofsJson& proofs, const claim::TensorChecker& checker,
                    const claim::VerifyOptions& options) {
  Verification found = check_alone(proofs, checker, options);
  Verdict& verdict = found.verdict;
  if (verdict.item() && *verdict.item() < proofs.proofs.size())
    verdict.add_figure("point", proofs.proofs.query(*verdict.item()).to_string());
  verdict.add_note("header unbound: nothing in the file binds what the numbers are, or bounds them");
  if (verdict.step() == "opening equation" && !pst::has_original_secret(checker.key()) &&
      holds_under_original_setup(proofs, checker.key().axes))
    verdict.add_note(
        "made under another setup: the first proof holds under the fixed setup of the original pipeline, "
        "which "
        "`assay srs original` makes");
  verdict.add_assumption(checker.assumption(options.trusted));
  verdict.add_figure("proofs", proofs.proofs.size());
  verdict.add_figure("distinct points", claim::internal::count_distinct(proofs.proofs));
  return found;
}

Verification verify(const ProofsJson& proofs, const claim::Commitment& commitment,
                    const claim::TensorChecker& checker, const claim::VerifyOptions& options) {
  const Digest digest = commitment.digest();
  Verdict bound = bind(proofs, commitment, digest);
  if (!bound.ok()) {
    bound.add_assumption(checker.assumption(options.trusted));
    bound.add_figure("proofs", proofs.proofs.size());
    bound.add_figure("commitment digest", to_hex(digest));
    return {std::move(bound), {}, {}};
  }
  return claim::internal::verify_named(
      commitment, digest, settle(proofs, commitment.header.layout.axes, digest), checker, options);
}

std::string proofs_json(const claim::Commitment& commitment, const claim::Proofs& proofs) {
  const Axes& axes = commitment.header.layout.axes;
  const auto residue = [](const Fr& value) { return json_integer(value.to_scalar().to_decimal()); };
  Json list = Json::array();
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    Json point = Json::array();
    for (const Fr& coordinate : proofs.query(k).coordinates()) point.push_back(residue(coordinate));
    Json quotients = Json::array();
    const ByteSpan evidence = proofs.evidence(k);
    for (std::size_t at = 0; at < evidence.size(); at += 32)
      quotients.push_back(to_hex(evidence.subspan(at, 32)));
    Json object = Json::object();
    object["point"] = std::move(point);
    object["evaluation"] = residue(proofs.value(k));
    object["proof_hex"] = std::move(quotients);
    list.push_back(std::move(object));
  }
  Json root = Json::object();
  root["commitment_hex"] = to_hex(commitment.value);
  root["num_variables"] = axes.count();
  root["degree_bound"] = *std::ranges::max_element(axes.sizes());
  root["commitment_digest"] = to_hex(proofs.commitment_digest);
  root["proofs"] = std::move(list);
  return dump_json(root) + "\n";
}

}  // namespace assay::pipeline
