"""Downloads: FFHQ's photographs, the published labels and weights; verified and resumable."""
