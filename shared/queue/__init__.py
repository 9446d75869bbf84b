"""What lies in the queue's keeping beside the job records."""
