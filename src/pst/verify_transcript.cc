#include <fmt/format.h>

#include "assay/pst.h"
#include "pst/ceremony_axes.h"

namespace assay::pst {

Verdict verify_with_transcript(const Srs& srs, const setup::Ceremony& ceremony, const World& world) {
  const VerifierKey& key = srs.verifier_key();
  if (key.trust != Trust::kCeremony)
    return Verdict::rejected("trust label", fmt::format("the SRS is said to be of '{}'", key.label()));
  if (key.transcript != ceremony.digest() || key.contributors != ceremony.contributors())
    return Verdict::rejected("transcript digest",
                             "the SRS names another transcript, or another number of contributors");
  Verdict contributors = setup::check_contributors(ceremony);
  if (!contributors.ok()) return contributors;

  const Result<std::vector<std::size_t>> taken = internal::fit_axes(srs.axes(), ceremony.axes);
  if (!taken.ok()) return Verdict::rejected("ceremony secrets", taken.error().to_string());
  const std::vector<G2Affine> secrets = ceremony.secrets();
  for (std::size_t i = 0; i < taken->size(); ++i) {
    if (key.secrets[i] == secrets[(*taken)[i]]) continue;
    Verdict other =
        Verdict::rejected("ceremony secrets", "its secret is not the one that the transcript ends with");
    return other.add_figure("axis", std::uint64_t{i});
  }
  Verdict chain = setup::check_ceremony(ceremony);
  if (!chain.ok()) return chain;
  Verdict form = verify_srs(srs, world);
  if (!form.ok()) return form;
  return chain.add_check("degree relation", Grade::kBound);
}

}  // namespace assay::pst
