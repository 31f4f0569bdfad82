"""Have nnU-Net check a data set that was published for it; for `check_nnunet.sh`."""

import sys

from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity

if __name__ == "__main__":  # its processes import this file again
    verify_dataset_integrity(sys.argv[1], num_processes=2)
    print(f"{sys.argv[1]}: nnU-Net finds nothing wrong")
