#include <fmt/format.h>

#include "assay/kzg.h"
#include "base/check.h"
#include "kzg/statement_form.h"

namespace assay::kzg {
namespace {

using internal::Relation;

/// `find` appends the relation of a statement that has the form.
template <class Find>
Verdict check_relation(const Find& find, std::span<const curve::PreparedG2> prepared) {
  std::vector<Relation> found;
  Verdict form = find(found);
  if (!form.ok() || internal::holds(found.front(), prepared)) return form;
  return Verdict::rejected("opening equation", "the proof does not open the commitment to this");
}

}  // namespace

Verifier::Verifier(VerifierKey key) : key_(std::move(key)), digest_(key_.digest()) {
  ASSAY_CHECK_EQ(key_.powers.size(), key_.log_size);
  std::vector<G2Affine> points{curve::negate(G2Affine::generator())};
  points.insert(points.end(), key_.powers.begin(), key_.powers.end());
  prepared_ = curve::PreparedG2::of_all(points);
}

std::string Verifier::describe_srs(const setup::TrustList& trusted) const {
  // A file of powers does not say who contributed to them.
  const std::string_view meaning = key_.published != 0
                                       ? "sound if one contributor at least forgot their secret"
                                       : "whoever made it can open to anything";
  return setup::describe_srs(trusted.find(digest_), key_.label(), meaning);
}

Verdict Verifier::check(const Statement& statement) const {
  return check_relation([&](auto& found) { return internal::form_of_opening(statement, found); }, prepared_);
}

Verdict Verifier::check_block(const Srs& srs, const BlockStatement& statement) const {
  return check_relation([&](auto& found) { return internal::form_of_block(key_, srs, statement, found); },
                        prepared_);
}

Verdict Verifier::check_many(std::span<const Claim> claims, const ManyProof& proof) const {
  return check_relation([&](auto& found) { return internal::form_of_many(key_, claims, proof, found); },
                        prepared_);
}

Verdict Verifier::check_all(std::span<const Statement> statements, const World& world) const {
  if (statements.empty()) return Verdict::inconclusive("statements", "there are none to check");
  Result<OpeningSum> sum = OpeningSum::begin(*this, world);
  if (!sum) return Verdict::inconclusive("random weights", sum.error().to_string());
  for (std::size_t i = 0; i < statements.size(); ++i) {
    Verdict form = sum->add(statements[i]);
    if (!form.ok()) return form.at_item(i);
  }
  if (sum->holds()) return Verdict::accepted();
  const std::vector<std::size_t> found = sum->find_false(1);
  // A sum of relations that hold holds for all weights.
  ASSAY_CHECK(!found.empty(), statements.size());
  return check(statements[found.front()]).at_item(found.front());
}

}  // namespace assay::kzg
